/** The token in an Authorization header. */

/** undefined: the header is not "Bearer" and one token. */
export function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}
