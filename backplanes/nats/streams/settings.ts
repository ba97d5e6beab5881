/** What can be set about the store of streams beside its URL, with defaults and bounds. */
import type { RetentionClass } from '../../stream-store.ts';
import { defaultNatsSettings, type NatsSettings } from '../settings.ts';

export interface NatsStreamSettings extends NatsSettings {
  /** Classes that are made at the start; others are made by their first use. */
  readonly classes: readonly RetentionClass[];
  /** On how many servers of a cluster each stream is stored. */
  readonly replicas: number;
  /** How long the server remembers ids, in ms; never longer than entries are retained. */
  readonly dedupeMs: number;
  /** True: the server publishes what it has stored to who subscribed the key. */
  readonly publishesLive: boolean;
  /** Requests to the server, other than appends, on their way at once. */
  readonly requestsMax: number;
  /** Requests that may wait for those; further ones are refused. */
  readonly waitingRequestsMax: number;
  /** Appends on their way at once; further ones are refused. */
  readonly appendsMax: number;
  /** The same in bytes of envelopes. */
  readonly appendBytesMax: number;
  /** Entries that are read one by one; for more a consumer is made at the server. */
  readonly walkMax: number;
  /** How old what is known of a JetStream stream may be while it is in use, in ms. */
  readonly refreshMs: number;
}

export const defaultNatsStreamSettings: NatsStreamSettings = {
  ...defaultNatsSettings,
  classes: [],
  replicas: 1,
  dedupeMs: 120_000,
  publishesLive: true,
  requestsMax: 128,
  waitingRequestsMax: 100_000,
  appendsMax: 8192,
  appendBytesMax: 32 * 1024 * 1024,
  walkMax: 32,
  refreshMs: 1000,
};

/** What happened, for telemetry. All of them only grow. */
export type NatsStreamCounters = {
  appended: number;
  duplicates: number;
  /** Appends refused, by us or by the server: not stored. */
  refused: number;
  /** Appends without an answer: nobody knows. */
  unknown: number;
  /** Entries read. */
  read: number;
  /** Consumers made to read many entries at once. */
  consumers: number;
  /** Times that positions had to be doubted. */
  doubts: number;
};

export function newNatsStreamCounters(): NatsStreamCounters {
  return {
    appended: 0,
    duplicates: 0,
    refused: 0,
    unknown: 0,
    read: 0,
    consumers: 0,
    doubts: 0,
  };
}
