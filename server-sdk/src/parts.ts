/** What the objects that a backend holds are made of. */
import type { Directory } from './directory.ts';
import type { Streams } from './history.ts';
import type { PresenceReader } from './presence.ts';
import type { Publisher } from './publisher.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface Parts {
  readonly publisher: Publisher;
  readonly streams: Streams;
  readonly directory: Directory;
  readonly presence: PresenceReader;
}

/** Parts and what is the destination's own. */
export interface NamedParts extends Parts {
  readonly name: string;
  readonly validator?: StandardSchema | undefined;
}
