/** What a token says, as far as it decides who may share a connection. The gateway verifies it. */

type Claims = Readonly<Record<string, unknown>>;

/** Two tokens of equal rights differ in these. */
const ofOneToken: readonly string[] = ['exp', 'iat', 'jti', 'nbf'];

/**
 * Equal for tokens that say the same of the hub, the user and the rights; for one that cannot be
 * read, equal only to itself.
 */
export function identityOf(url: string, token = tokenOf(url)): string {
  const address = new URL(url);
  address.searchParams.delete('access_token');
  const claims = claimsOf(token);
  const lasting = Object.entries(claims ?? {})
    .filter(([name]) => !ofOneToken.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([address.href, claims === undefined ? token : lasting]);
}

/** From its issue to its expiry, by its own word; undefined where it does not say. */
export function lifetimeMsOf(token: string): number | undefined {
  const { exp, iat } = claimsOf(token) ?? {};
  const seconds = Number(exp) - Number(iat);
  return seconds > 0 ? seconds * 1000 : undefined;
}

function tokenOf(url: string): string {
  return new URL(url).searchParams.get('access_token') ?? '';
}

function claimsOf(token: string): Claims | undefined {
  try {
    const text = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    // The claims of a token are an object.
    return JSON.parse(text) as Claims;
  } catch {
    return undefined;
  }
}
