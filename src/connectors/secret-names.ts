/** Whoever reads them owns all jobs. */
const ownVariable = /^(DATABASE_URL|SLUICE_.*)$/;

/** The name of the variable for a connector's secret: `crm-system` and `TOKEN` make `CRM_SYSTEM_TOKEN`. */
export function freeVariable(connector: string, suffix: string, taken: ReadonlySet<string>): string {
  const words = connector.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  const plain = `${/^[0-9]/.test(words) ? '_' : ''}${words}_${suffix}`;
  const name = ownVariable.test(plain) ? `CONNECTOR_${plain}` : plain;
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : `${name}_${count}`;
    if (!taken.has(candidate)) return candidate;
  }
}
