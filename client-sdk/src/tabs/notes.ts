/** What a tab's socket and the switchboard tell each other. All of it can be cloned by a browser. */

/** From a tab's socket. `id` is that of the socket. */
export type TabNote =
  /** The first: the address, with the tab's token in it. */
  | { readonly kind: 'open'; readonly id: string; readonly url: string }
  /** Objects of the client, as a frame to the gateway would carry them. */
  | { readonly kind: 'text'; readonly id: string; readonly text: string }
  /** Of what the switchboard has sent, this many characters are read. */
  | { readonly kind: 'read'; readonly id: string; readonly characters: number }
  /** The last. */
  | { readonly kind: 'close'; readonly id: string };

/** From the switchboard, to one socket. */
export type SwitchboardNote =
  /** The answer to `open`, at once: somebody is there. */
  | { readonly kind: 'welcome' }
  /** Objects of the gateway, as its frame would carry them. */
  | { readonly kind: 'text'; readonly text: string }
  /** The last. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** Among tabs that choose who leads. */
export type LeaderNote =
  | { readonly kind: 'who' }
  /** `electedAt`, in ms since 1970, tells the present leader from one that does not know its end. */
  | { readonly kind: 'leader'; readonly id: string; readonly electedAt: number }
  | { readonly kind: 'gone'; readonly id: string };

/**
 * The close code of a tab's socket whose connection goes on elsewhere: a client answers it at once,
 * as it does when the gateway sends it.
 */
export const resumeCode = 4009;

/** Two versions of this package may run in two tabs: they meet only when they understand each other. */
const version = 1;

/** The name of a channel, a lock or a worker of this package. */
export function scoped(...parts: readonly string[]): string {
  return ['trunkline', String(version), ...parts].join(':');
}
