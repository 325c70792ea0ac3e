/** The HTTP methods that the text of a flow names, whichever of its requests a record comes to. */
export class Requests {
  readonly #methods = new Map<string | undefined, Set<string>>();

  /** `connector` is undefined for a request to a URL of its own. */
  note(connector: string | undefined, method: string): void {
    const methods = this.#methods.get(connector) ?? new Set();
    this.#methods.set(connector, methods.add(method));
  }

  /** Those that go to a connector. */
  to(connector: string): readonly string[] {
    return [...(this.#methods.get(connector) ?? [])];
  }

  get delete(): boolean {
    return [...this.#methods.values()].some((methods) => methods.has('DELETE'));
  }
}

export function requestsOf(connector: string, method: string): Requests {
  const requests = new Requests();
  requests.note(connector, method);
  return requests;
}
