const prefix = 'whsec_';

/** The bytes of a secret: base64 behind `whsec_`, else the text as it is. */
export function signingKey(secret: string): Uint8Array {
  return secret.startsWith(prefix)
    ? Buffer.from(secret.slice(prefix.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

/** What is wrong with a secret, as the end of a clause, or undefined. */
export function signingKeyProblem(secret: string): string | undefined {
  if (!secret.startsWith(prefix)) return undefined;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(secret.slice(prefix.length))
    ? undefined
    : 'begins with whsec_ and is not base64 behind it';
}
