/** What the runner tells the k6 scripts, and the lines in which they answer. Types only: k6 has no Node. */

/** Instants of one run in milliseconds of k6's own clock, which starts with the run. */
export interface Schedule {
  /** By now every receiver is connected; the first message is due. */
  readonly publishFromMs: number;
  /** Latencies of messages due from here on count; those before are the warm-up. */
  readonly windowFromMs: number;
  /** When something is to happen to the nodes. */
  readonly actionMs: number;
  /** The last message is due before this. */
  readonly windowUntilMs: number;
  /** Receivers close; what has not come by now is missing. */
  readonly endMs: number;
}

/** A REST request that sends to one destination, by one node. */
export interface SendRequest {
  readonly url: string;
  readonly authorization: string;
}

/** One destination; message n goes to target n % targets.length. */
export interface Target {
  readonly name: string;
  /** Connections that every message to it must reach. */
  readonly receivers: number;
  /** Where the scenario publishes by REST: the first is asked, the others when it does not accept. */
  readonly sends?: readonly SendRequest[];
}

export interface ReceiverSocket {
  /** The first is connected to; who loses its connection goes on with the next. */
  readonly urls: readonly string[];
  /** Index of the target whose messages it must get, and no others. */
  readonly target: number;
}

export interface Plan {
  readonly subprotocol: string;
  readonly schedule: Schedule;
  /** Messages per second of all publishers together. */
  readonly rate: number;
  readonly payloadBytes: number;
  readonly targets: readonly Target[];
  /** Sockets of each receiving VU. */
  readonly receivers: readonly (readonly ReceiverSocket[])[];
  /** One VU each; the URL is used where publishers speak WebSocket. */
  readonly publishers: readonly { readonly url: string }[];
  /** URLs of connections that come and go, in turn, and how many per second. */
  readonly churn?: { readonly urls: readonly string[]; readonly perSecond: number };
  /** URLs of members that do not read. */
  readonly slow?: readonly string[];
  /** How often, and for how long, each receiver is away. */
  readonly away?: { readonly periodMs: number; readonly offlineMs: number };
}

/** The data of a message. */
export interface MessageData {
  /** Number of the message, counted over all publishers from 0. */
  readonly n: number;
  /** When it was due, in milliseconds of the run: latency counts from here. */
  readonly dueMs: number;
  readonly target: number;
  readonly padding: string;
}

/** Publisher 0 says so at the edges of the window, for the readings of CPU time, and at the action. */
export interface MarkLine {
  readonly kind: 'mark';
  readonly edge: 'from' | 'action' | 'until';
}

export interface PublisherLine {
  readonly kind: 'publisher';
  readonly published: number;
  readonly expected: number;
  /** Publications that the gateway did not accept. */
  readonly refused: number;
  /** Sockets that failed or closed too early. */
  readonly lost: number;
}

export interface ReceiverLine {
  readonly kind: 'receiver';
  readonly delivered: number;
  readonly duplicate: number;
  /** Messages for somebody else. */
  readonly misdelivered: number;
  /** Older than one that the same publisher had sent to the same socket. */
  readonly outOfOrder: number;
  /** Holes in a stream that the gateway told of, or that showed. */
  readonly gaps: number;
  /** Connections that were made anew. */
  readonly reconnects: number;
  /** Sockets that were not connected when publishing began. */
  readonly unready: number;
  readonly lost: number;
}

/** Raw samples in microseconds: latency to a receiver, or how late a publisher sent. */
export interface SamplesLine {
  readonly kind: 'samples';
  readonly of: 'delivery' | 'lateness';
  readonly us: readonly number[];
}

export type ReportLine = MarkLine | PublisherLine | ReceiverLine | SamplesLine;
