/** What can be set about the Redis stream store beside its URL, and what it counts. */
import { envelopeBytesMax, type RedisSettings } from '../settings.ts';

export interface RedisStreamSettings extends RedisSettings {
  /**
   * True: an append publishes the stored envelope, too. Only where the backplane has the same servers,
   * prefix and partitions.
   */
  readonly publishesLive: boolean;
  /** Given what the operator should change at the server, once per start and server. */
  readonly onWarning: (message: string) => void;
}

/** Room for the place in front of the envelope: what goes live must fit the backplane. */
export const entryBytesMax = envelopeBytesMax - 256;

/** Streams in one call for their tops: others wait meanwhile. */
export const topsPerCallMax = 256;

/** What happened, for telemetry. All of them only grow. */
export type StreamCounters = {
  /** Calls that a server executed. */
  published: number;
  /** Calls refused because the server was away, full or said no. */
  refused: number;
  /** Calls without an answer in time. */
  unknown: number;
  /** Connections lost. */
  reconnects: number;
  /** Times that the functions were loaded. */
  loads: number;
  /** Appends whose id was stored before. */
  duplicates: number;
};

export function newStreamCounters(): StreamCounters {
  return { published: 0, refused: 0, unknown: 0, reconnects: 0, loads: 0, duplicates: 0 };
}
