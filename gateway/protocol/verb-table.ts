/** The property `type` of a frame, to the reader of that command. */
import { refused } from './frame-fields.ts';
import type { Command } from './model.ts';
import { shown } from './shown.ts';

export type Verbs = Readonly<Record<string, () => Command>>;

/** One per codec. Case of `type` does not matter. */
export class VerbTable {
  readonly #readers: ReadonlyMap<string, () => Command>;
  /** The same by the folded name, for the rare client that writes it differently. */
  readonly #foldedReaders: ReadonlyMap<string, () => Command>;

  constructor(verbs: Verbs) {
    const entries = Object.entries(verbs);
    this.#readers = new Map(entries);
    this.#foldedReaders = new Map(entries.map(([type, reader]) => [type.toLowerCase(), reader]));
  }

  /** Every `type` that is known. */
  get types(): readonly string[] {
    return Array.from(this.#readers.keys());
  }

  /** @throws ProtocolError: the type is not known. */
  reader(type: string): () => Command {
    const reader = this.#readers.get(type) ?? this.#foldedReaders.get(type.toLowerCase());
    if (reader !== undefined) return reader;
    throw refused(`"type" ${shown(type)} is unknown; use one of ${this.types.join(', ')}`);
  }
}
