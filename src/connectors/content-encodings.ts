/** The encodings that a `Content-Encoding` header names, as they were applied; none for `identity`. */
export const encodingsIn = (header: string | undefined): string[] =>
  (header ?? '')
    .toLowerCase()
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
