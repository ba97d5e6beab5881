/**
 * What clients have to be told after the broker has lost data: entries that one client had not got
 * yet, and that another one had got, whose node therefore knows that they are gone.
 */
import type { Position } from '../../backplanes/stream-store.ts';
import type { Histories } from './history.ts';
import type { SimClient } from './sim-client.ts';

interface Due {
  readonly client: SimClient;
  readonly key: string;
  readonly offset: number;
  /** Who had got what is gone, each by a connection that must last for the loss to be noticed. */
  readonly witnesses: readonly { readonly client: SimClient; readonly connections: number }[];
}

export class Losses {
  readonly #histories: Histories;
  #due: Due[] = [];

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  /** The broker has come back with less. What was due before may be lost itself. */
  onLoss(clients: readonly SimClient[]): void {
    this.#due = clients.flatMap((client) =>
      [...client.follows].flatMap(([key, { cursor }]) => {
        if (cursor === undefined || !this.#histories.has(key, cursor)) return [];
        const witnesses = clients
          .filter((other) => other.isConnected && this.#hasLost(key, cursor, other))
          .map((other) => ({ client: other, connections: other.connections }));
        return witnesses.length === 0 ? [] : [{ client, key, offset: cursor.offset, witnesses }];
      }),
    );
  }

  onTold(client: SimClient, key: string): void {
    this.#due = this.#due.filter((due) => due.client !== client || due.key !== key);
  }

  /** Who should have been told by now and was not. */
  untold(): readonly Due[] {
    return this.#due.filter(({ witnesses }) =>
      witnesses.some(({ client, connections }) => {
        return client.isConnected && client.connections === connections;
      }),
    );
  }

  /** The other one has more of the same history than the stream has now. */
  #hasLost(key: string, cursor: Position, other: SimClient): boolean {
    const follow = other.follows.get(key);
    if (follow?.cursor === undefined || follow.isResuming) return false;
    const { epoch, offset } = follow.cursor;
    const isAhead = epoch === cursor.epoch && offset > cursor.offset;
    return isAhead && !this.#histories.has(key, follow.cursor);
  }
}
