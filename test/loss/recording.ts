/** What clients of the loss test write down while they run: one line of JSON for each event. */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createInterface } from 'node:readline';

/** A place in a stream, as the protocol names it. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: number;
}

interface Happened {
  readonly client: string;
  /** Ms since 1970. */
  readonly at: number;
}

interface OfStream extends Happened {
  /** Destination: `group:room.7`, `user:u12`. */
  readonly stream: string;
}

export type LossEvent =
  /** The client follows the stream from here on. */
  | (OfStream & { readonly is: 'start'; readonly place: Place })
  /** The application has got a message; `id` is what its publisher wrote into it. */
  | (OfStream & { readonly is: 'message'; readonly id: string; readonly offset: number })
  /** The gateway said that messages are missing; `to` is where the client goes on. */
  | (OfStream & {
      readonly is: 'told';
      /** `unrecovered`, or the reason of a gap. */
      readonly why: string;
      readonly from: Place;
      readonly to: Place | undefined;
    })
  /** A message that does not follow the client's place, and nobody said why. */
  | (OfStream & {
      readonly is: 'hole';
      readonly place: Place;
      readonly prev: number;
      readonly offset: number;
    })
  | (OfStream & { readonly is: 'resumed'; readonly recovered: boolean })
  /** Where the client stood when the test ended. */
  | (OfStream & { readonly is: 'end'; readonly place: Place; readonly ignored: number })
  /** A step in the life of a connection. */
  | (Happened & { readonly is: 'connection'; readonly step: string; readonly detail: string });

const bufferedCharactersMax = 64 * 1024;

export class Recorder {
  readonly #file: WriteStream;
  #buffered = '';

  constructor(path: string) {
    this.#file = createWriteStream(path);
    // Told by `close`, which everybody waits for.
    this.#file.on('error', () => undefined);
  }

  add(event: LossEvent): void {
    this.#buffered += `${JSON.stringify(event)}\n`;
    if (this.#buffered.length > bufferedCharactersMax) this.#flush();
  }

  /** @throws Error when not all could be written. */
  async close(): Promise<void> {
    this.#flush();
    this.#file.end();
    await finished(this.#file);
  }

  #flush(): void {
    this.#file.write(this.#buffered);
    this.#buffered = '';
  }
}

/** The events of a file in the order in which they happened. */
export async function* readRecording(path: string): AsyncGenerator<LossEvent> {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    // The recorder has written it.
    if (line !== '') yield JSON.parse(line) as LossEvent;
  }
}
