/** What each close code means for a client: section 7 of docs/PROTOCOL.md, in one table. */

/**
 * `stop`: not to try again. `now`: connect at once, with a delay only when that fails again.
 * `later`: connect after a random delay that grows.
 */
export type Comeback = 'stop' | 'now' | 'later';

export const comebacks: Readonly<Record<number, Comeback>> = {
  1000: 'stop',
  1001: 'now',
  1003: 'stop',
  1007: 'stop',
  1008: 'stop',
  1009: 'stop',
  1011: 'later',
  4008: 'later',
  4009: 'now',
  4401: 'now',
};

/** The close code with which a token's time ends. */
export const tokenExpired = 4401;

/** Codes that are not in the table (1006 among them) never stop a client. */
export function comebackOf(code: number): Comeback {
  return comebacks[code] ?? 'later';
}
