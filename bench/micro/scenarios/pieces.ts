/** CPU time of the pieces that messages and streams are made of, without sockets and brokers. */
import type { BenchOptions } from '../options.ts';
import { framePieces } from '../pieces/frames.ts';
import { nodePieces } from '../pieces/node.ts';
import { timePieces } from '../pieces/timing.ts';
import type { Progress, Section } from '../report.ts';
import { median, spread } from '../statistics.ts';
import { formatNumber, formatShare, formatTable } from '../table.ts';

const roundMs = 100;
const roundsPerRepeat = 5;

export async function measurePieces(options: BenchOptions, progress: Progress): Promise<Section> {
  const { payloadBytes } = options;
  const rounds = options.repeats * roundsPerRepeat;
  const node = await nodePieces(payloadBytes);
  try {
    const pieces = [...framePieces(payloadBytes), ...node.pieces];
    progress(`pieces: ${String(pieces.length)} pieces, ${String(rounds)} rounds`);
    const times = await timePieces(pieces, { rounds, roundMs });
    const rows = [...times].map(([name, values]) => [
      name,
      formatNumber(median(values)),
      formatNumber(Math.min(...values)),
      formatShare(spread(values)),
    ]);
    return {
      title: 'Pieces',
      method:
        `A message with ${String(payloadBytes)} bytes of user data as a JSON text. Nanoseconds of ` +
        `CPU time for each time (garbage collection included), median and lowest of ` +
        `${String(rounds)} rounds of about ${String(roundMs)} ms in which all pieces take turns, in ` +
        'one process. "publish" is the whole way through a node: router, memory backplane and ' +
        'memory store, fan-out to sockets that take everything, four publications in a turn.',
      table: formatTable(['piece', 'median ns', 'lowest ns', 'spread'], rows),
      notes: [],
      runs: [...times].map(([name, values]) => ({ name, nanoseconds: values })),
    };
  } finally {
    await node.close();
  }
}
