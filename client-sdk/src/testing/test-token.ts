/** Tokens of the test gateway: the claims of a real one, and no signature that anybody looks at. */

export interface TestTokenOptions {
  /** Default: joining and publishing everywhere. */
  readonly roles?: readonly string[] | undefined;
  /** Joined by the gateway at once. */
  readonly groups?: readonly string[] | undefined;
  /** Default: an hour. */
  readonly lifetimeMs?: number | undefined;
}

/** What a token says. */
export interface Claims {
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** In ms since 1970. */
  readonly expiresAtMs: number;
}

const allRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

export function tokenOf(
  userId: string | undefined,
  nowMs: number,
  options: TestTokenOptions = {},
): string {
  const { groups = [], lifetimeMs = 3_600_000, roles = allRoles } = options;
  const claims = {
    sub: userId,
    role: roles,
    'webpubsub.group': groups,
    iat: nowMs / 1000,
    exp: (nowMs + lifetimeMs) / 1000,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const payload = btoa(String.fromCharCode(...bytes));
  return `test.${payload.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.`;
}

/** The claims of this token, or of a real one; undefined where it is none. */
export function claimsOf(token: string): Claims | undefined {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    // The claims that a client's token has; who signs it is no business of a test.
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>;
    const { exp, role, sub } = claims;
    if (typeof exp !== 'number') return undefined;
    return {
      userId: typeof sub === 'string' ? sub : undefined,
      roles: stringsOf(role),
      groups: stringsOf(claims['webpubsub.group']),
      expiresAtMs: exp * 1000,
    };
  } catch {
    // Not a token: the caller refuses it.
    return undefined;
  }
}

function stringsOf(claim: unknown): readonly string[] {
  return [claim].flat().filter((each) => typeof each === 'string');
}
