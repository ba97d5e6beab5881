/** The command line of `npm run example:chat`. */
import { parseArgs } from 'node:util';

export const backplanes = ['redis', 'nats'] as const;

export interface ExampleOptions {
  readonly backplane: (typeof backplanes)[number];
  readonly nodes: number;
  readonly port: number;
  readonly file: string | undefined;
}

/** A wrong command line; the message says how it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const nodesMax = 16;
const portMax = 65_535;

export const usage = `usage: npm run example:chat -- [options]
  --backplane NAME   ${backplanes.join(' or ')} (redis)
  --nodes N          gateways behind nginx, 1..${String(nodesMax)} (3)
  --port N           of the page, 0..${String(portMax)}; 0 takes any free one (0)
  --database FILE    keeps accounts and read marks in this file (in memory)
`;

/** @throws UsageError */
export function parseExampleOptions(args: readonly string[]): ExampleOptions {
  const values = parse(args);
  const backplane = backplanes.find((name) => name === values.backplane);
  if (backplane === undefined) {
    const given = values.backplane;
    throw new UsageError(`--backplane must be ${backplanes.join(' or ')}, got "${given}"`);
  }
  return {
    backplane,
    nodes: wholeNumber('nodes', values.nodes, 1, nodesMax),
    port: wholeNumber('port', values.port, 0, portMax),
    file: values.database,
  };
}

function wholeNumber(name: string, given: string, min: number, max: number): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be ${String(min)}..${String(max)}, got "${given}"`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backplane: { type: 'string', default: 'redis' },
        nodes: { type: 'string', default: '3' },
        port: { type: 'string', default: '0' },
        database: { type: 'string' },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
