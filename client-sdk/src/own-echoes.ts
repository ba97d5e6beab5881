/**
 * Own messages that must not come back (`noEcho`). The gateway leaves them out on the connection
 * that published them; on a later connection of the same client they come, and are known by id.
 */
import type { Position } from './wire.ts';

/** Far above what can be published and not yet passed by the cursor. */
const echoesMax = 1000;

export class OwnEchoes {
  readonly #places = new Map<string, Position>();

  /** Nothing is kept of what the cursor has passed. */
  add(id: string, position: Position, cursor: Position | undefined): void {
    if (cursor === undefined || isPassed(position, cursor)) return;
    this.#places.set(id, position);
    if (this.#places.size <= echoesMax) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  /** True when the message that moved the cursor here is an own one. */
  take(id: string | undefined, cursor: Position): boolean {
    const isOwn = id !== undefined && this.#places.has(id);
    for (const [own, position] of this.#places) {
      if (isPassed(position, cursor)) this.#places.delete(own);
    }
    return isOwn;
  }
}

function isPassed(position: Position, cursor: Position): boolean {
  return position.epoch !== cursor.epoch || position.offset <= cursor.offset;
}
