/**
 * What a worker and its parent say to each other beside envelopes and streams, and the one channel
 * of the system that carries all of it. Node.js keeps the order of what is sent over it.
 */
import type { ParentPort, Port, WorkerPort } from '../../backplanes/memory/port.ts';
import type { ParentStreamPort, WorkerStreamPort } from '../../backplanes/memory/port-streams.ts';
import type { GatewayConfig } from '../config.ts';
import type { ErrorCode } from '../errors.ts';
import type { MetricsPage } from '../telemetry/metrics.ts';

export type ToWorker =
  /** The first word; `config` has the port that all workers share. */
  | { readonly kind: 'start'; readonly worker: number; readonly config: GatewayConfig }
  /** Send the clients away one after the other, and end. */
  | { readonly kind: 'drain' }
  /** Close the connections and end. */
  | { readonly kind: 'stop' }
  /** Answer with `page`. */
  | { readonly kind: 'page'; readonly id: number }
  /** The pages of all workers that answered, and the parent's own. */
  | { readonly kind: 'pages'; readonly id: number; readonly pages: readonly MetricsPage[] };

export type ToParent =
  | { readonly kind: 'listening'; readonly url: string; readonly nodeId: string }
  /** It could not start, and ends. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'page'; readonly id: number; readonly page: MetricsPage }
  /** Answer with `pages`. */
  | { readonly kind: 'pages'; readonly id: number };

/** One end of the channel. */
export interface Channel<Said, Heard, EnvelopePort, StreamPort> {
  /** Nothing happens when the other end is gone. `onTaken`: the system has it, or never will. */
  say(message: Said, onTaken?: () => void): void;
  /** One listener. */
  onHeard(listener: (message: Heard) => void): void;
  /** Calls once when the other end is gone. */
  onClosed(listener: () => void): void;
  readonly port: EnvelopePort;
  /** For the streams that the parent holds. */
  readonly streams: StreamPort;
}

export type WorkerChannel = Channel<ToParent, ToWorker, WorkerPort, WorkerStreamPort>;
export type ParentChannel = Channel<ToWorker, ToParent, ParentPort, ParentStreamPort>;

/** What `process` of a worker and the `ChildProcess` of its parent have in common. */
export interface ChannelEnd {
  send?(message: object, handle: undefined, options: object, callback: () => void): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

/** One of them is there. */
interface Wrapped<Message, Batch, Streams> {
  readonly message?: Message;
  readonly batch?: Batch;
  readonly streams?: Streams;
}

/** Call it before the event loop goes on, so that no message is missed. */
export function openChannel<Said, Heard, Out, In, StreamOut, StreamIn>(
  end: ChannelEnd,
): Channel<Said, Heard, Port<Out, In>, Port<StreamOut, StreamIn>> {
  let onHeard: (message: Heard) => void = () => undefined;
  let onBatch: (batch: In) => void = () => undefined;
  let onStreams: (batch: StreamIn) => void = () => undefined;
  const send = (wrapped: Wrapped<Said, Out, StreamOut>, onTaken: () => void): void => {
    if (end.send === undefined) setImmediate(onTaken);
    else end.send(wrapped, undefined, {}, onTaken);
  };
  const onClosed = (listener: () => void): void => void end.once('disconnect', listener);
  end.on('message', (received) => {
    // The other end runs the same code of the same start.
    const { batch, message, streams } = received as Wrapped<Heard, In, StreamIn>;
    if (batch !== undefined) onBatch(batch);
    if (streams !== undefined) onStreams(streams);
    if (message !== undefined) onHeard(message);
  });
  return {
    say: (message, onTaken = () => undefined) => send({ message }, onTaken),
    onHeard: (listener) => {
      onHeard = listener;
    },
    onClosed,
    port: {
      post: (batch, onTaken) => send({ batch }, onTaken),
      onMessage: (listener) => {
        onBatch = listener;
      },
      onClose: onClosed,
    },
    streams: {
      post: (streams, onTaken) => send({ streams }, onTaken),
      onMessage: (listener) => {
        onStreams = listener;
      },
      onClose: onClosed,
    },
  };
}
