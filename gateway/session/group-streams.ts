/**
 * The client-to-group streams that one connection has open (Azure §3.4): fragments are numbered by
 * the publisher, published in order, and acknowledged cumulatively.
 */
import type { Clock } from '../clock.ts';
import type {
  Payload,
  Reply,
  StreamData,
  StreamEnd,
  StreamErrorName,
  StreamFragment,
  StreamStart,
} from '../protocol/model.ts';
import type { Publisher } from '../router/ports.ts';

/** Idle timeout of streams that name none (Azure §3.4), in ms. */
const idleTimeoutMsDefault = 300_000;
const sweepPeriodMs = 250;

/** Ends idle streams of all connections with one timer. */
export class StreamSweep {
  readonly #clock: Pick<Clock, 'every' | 'monotonicMs'>;
  readonly #owners = new Set<GroupStreams>();
  #stop: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'every' | 'monotonicMs'>) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.monotonicMs();
  }

  add(owner: GroupStreams): void {
    this.#owners.add(owner);
    this.#stop ??= this.#clock.every(sweepPeriodMs, () => {
      for (const streams of this.#owners) streams.endIdle();
    });
  }

  remove(owner: GroupStreams): void {
    this.#owners.delete(owner);
    if (this.#owners.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

interface GroupStream {
  readonly streamId: string;
  readonly group: string;
  readonly noEcho: boolean;
  readonly idleTimeoutMs: number;
  /** Number of the next fragment. */
  expected: number;
  /** Number of the first fragment that the backplane has not accepted yet: what acks say. */
  unaccepted: number;
  /** Settles when the backplane has answered to every publication so far. */
  accepted: Promise<void>;
  /** `ending`: its last fragments are on their way, and the publisher waits for `streamClosed`. */
  phase: 'open' | 'ending' | 'closed';
  lastSeenMs: number;
}

export interface GroupStreamsOptions {
  readonly publisher: Publisher;
  readonly sweep: StreamSweep;
  readonly openMax: number;
  readonly hub: string;
  readonly sender: { readonly connectionId: string; readonly userId: string | undefined };
  readonly maySend: (group: string) => boolean;
  readonly reply: (reply: Reply) => void;
}

type StreamError = NonNullable<StreamFragment['error']>;

export class GroupStreams {
  readonly #options: GroupStreamsOptions;
  readonly #open = new Map<string, GroupStream>();

  constructor(options: GroupStreamsOptions) {
    this.#options = options;
  }

  execute(command: StreamStart | StreamData | StreamEnd): void {
    switch (command.kind) {
      case 'streamStart':
        return this.start(command);
      case 'streamData':
        return this.data(command);
      case 'streamEnd':
        return this.end(command);
    }
  }

  start(command: StreamStart): void {
    const { group, streamId } = command;
    const { maySend, openMax, sweep } = this.#options;
    if (!maySend(group)) {
      const message = `The connection has no permission sendToGroup for group '${group}'; its token needs the role webpubsub.sendToGroup or webpubsub.sendToGroup.${group}`;
      this.#closed(streamId, 'Forbidden', message);
    } else if (this.#open.has(streamId)) {
      const message = `Stream '${streamId}' is open already; choose another streamId`;
      this.#closed(streamId, 'BadRequest', message);
    } else if (this.#open.size >= openMax) {
      const message = `${openMax} streams of this connection are open, the most that streamsPerConnectionMax allows; end one first`;
      this.#closed(streamId, 'BadRequest', message);
    } else {
      this.#open.set(streamId, {
        streamId,
        group,
        noEcho: command.noEcho,
        idleTimeoutMs: command.idleTimeoutMs ?? idleTimeoutMsDefault,
        expected: 1,
        unaccepted: 1,
        accepted: Promise.resolve(),
        phase: 'open',
        lastSeenMs: sweep.now(),
      });
      sweep.add(this);
      this.#ackUpTo(streamId, 1);
    }
  }

  data(command: StreamData): void {
    const stream = this.#find(command.streamId);
    if (stream === undefined) return;
    stream.lastSeenMs = this.#options.sweep.now();
    const { payload, streamSequenceId } = command;
    // Without content it only says that the publisher is alive.
    if (payload === undefined || streamSequenceId === undefined) return;
    if (streamSequenceId < stream.expected) {
      this.#ackUpTo(stream.streamId, stream.unaccepted);
    } else if (streamSequenceId > stream.expected) {
      this.#options.reply({
        kind: 'streamNack',
        streamId: stream.streamId,
        name: 'InvalidSequenceId',
        message: `Fragment ${streamSequenceId} came where ${stream.expected} was due; send again from there`,
        expectedSequenceId: stream.expected,
      });
    } else {
      stream.expected += 1;
      const { streamId } = stream;
      const published = this.#publish(stream, payload, { streamId, streamSequenceId });
      this.#inTurn(stream, published, () => {
        stream.unaccepted = streamSequenceId + 1;
        if (stream.phase !== 'closed') this.#ackUpTo(streamId, stream.unaccepted);
      });
    }
  }

  /** The publisher hears of the close when every fragment, the last included, was accepted. */
  end(command: StreamEnd): void {
    const stream = this.#find(command.streamId);
    if (stream === undefined) return;
    const { error } = command;
    stream.phase = 'ending';
    const ended = this.#finish(
      stream,
      error === undefined ? undefined : { name: 'UserError', ...error },
    );
    this.#inTurn(stream, ended, () => {
      if (stream.phase === 'closed') return;
      stream.phase = 'closed';
      this.#options.reply({ kind: 'streamClosed', streamId: stream.streamId, error: undefined });
    });
  }

  endIdle(): void {
    const now = this.#options.sweep.now();
    for (const stream of this.#open.values()) {
      if (now - stream.lastSeenMs <= stream.idleTimeoutMs) continue;
      this.#abort(
        stream,
        'IdleTimeout',
        `No fragment came for ${stream.idleTimeoutMs} ms, its idleTimeoutMs; send streamData without data to keep it open`,
      );
    }
  }

  /** The connection is gone: receivers are told that no more will come. */
  cancelAll(): void {
    for (const stream of this.#open.values()) {
      stream.phase = 'closed';
      // A receiver that misses the end learns of it by its own idle timeout.
      this.#finish(stream, { name: 'Cancelled', message: 'The publisher disconnected' }).catch(
        () => undefined,
      );
    }
    this.#options.sweep.remove(this);
  }

  #find(streamId: string): GroupStream | undefined {
    const stream = this.#open.get(streamId);
    if (stream === undefined) {
      this.#closed(streamId, 'StreamNotFound', `Stream '${streamId}' is not open; start it first`);
    } else if (!this.#options.maySend(stream.group)) {
      const message = `The permission to send to group '${stream.group}' was taken back`;
      this.#abort(stream, 'Forbidden', message);
      return undefined;
    }
    return stream;
  }

  /** Runs `onAccepted` when this and all publications before it were accepted. */
  #inTurn(stream: GroupStream, published: Promise<void>, onAccepted: () => void): void {
    stream.accepted = Promise.all([stream.accepted, published]).then(onAccepted);
    stream.accepted.catch(() =>
      this.#abort(
        stream,
        'InternalServerError',
        'A fragment could not be published; start the stream anew',
      ),
    );
  }

  /** Ends the stream with an error that receivers and publisher are told of, once. */
  #abort(stream: GroupStream, name: StreamErrorName, message: string): void {
    const { phase } = stream;
    if (phase === 'closed') return;
    stream.phase = 'closed';
    // When it is ending, receivers have been sent its end already.
    if (phase === 'open') this.#finish(stream, { name, message }).catch(() => undefined);
    this.#closed(stream.streamId, name, message);
  }

  /** Tells receivers that the stream is over. */
  #finish(stream: GroupStream, error: StreamError | undefined): Promise<void> {
    this.#open.delete(stream.streamId);
    if (this.#open.size === 0) this.#options.sweep.remove(this);
    const fragment: StreamFragment = {
      streamId: stream.streamId,
      streamSequenceId: stream.expected,
      endOfStream: true,
      ...(error === undefined ? {} : { error }),
    };
    const nothing: Payload = { dataType: 'text', bytes: new Uint8Array(0) };
    return this.#publish(stream, nothing, fragment);
  }

  async #publish(stream: GroupStream, payload: Payload, fragment: StreamFragment): Promise<void> {
    const { hub, publisher, sender } = this.#options;
    await publisher.publish({
      hub,
      to: { kind: 'group', name: stream.group },
      payload,
      stream: fragment,
      sender,
      noEcho: stream.noEcho,
    });
  }

  #ackUpTo(streamId: string, expectedSequenceId: number): void {
    this.#options.reply({ kind: 'streamAck', streamId, expectedSequenceId });
  }

  #closed(streamId: string, name: StreamErrorName, message: string): void {
    this.#options.reply({ kind: 'streamClosed', streamId, error: { name, message } });
  }
}
