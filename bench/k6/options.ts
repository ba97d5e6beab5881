/** The command line of `npm run bench:k6`. */
import { parseArgs } from 'node:util';
import { backplaneNames, type BackplaneName } from '../cluster/options.ts';
import { k6ScenarioNames, type K6ScenarioName } from './catalog.ts';

export interface K6Options {
  readonly scenarios: readonly K6ScenarioName[];
  readonly nodes: readonly number[];
  readonly backplanes: readonly BackplaneName[];
  /** Connections that receive; undefined here and below: the scenario's own. */
  readonly sockets: number | undefined;
  /** Groups over which the sockets are spread evenly. */
  readonly groups: number | undefined;
  /** Messages per second. */
  readonly rate: number | undefined;
  /** Data of a message. */
  readonly payloadBytes: number | undefined;
  readonly warmupSeconds: number;
  readonly windowSeconds: number;
  readonly repeats: number;
  /** True: clients and requests go through nginx, round robin; false: straight to each node in turn. */
  readonly viaNginx: boolean;
}

/** A wrong command line; the message says how it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const k6Usage = `usage: npm run bench:k6 -- [options]
  --scenario a,b       of ${k6ScenarioNames.slice(0, 6).join(', ')},
                       ${k6ScenarioNames.slice(6).join(', ')} (all)
  --nodes 1,3          sizes of the cluster, each 1..32 (1,3)
  --backplane a,b      of ${backplaneNames.join(', ')} (redis)
  --rate N             messages per second (the scenario's own; so the next three)
  --sockets N          connections that receive
  --groups N           groups that they are shared out over
  --payload BYTES      data of a message
  --seconds S          length of the measured window (10)
  --repeats N          runs per cell, alternated (1)
  --via nodes|nginx    clients choose a node in turn, or the balancer does (nodes)
  --quick              short runs: shows that it works, measures little
`;

/** @throws UsageError */
export function parseK6Options(args: readonly string[]): K6Options {
  const values = parse(args);
  const isQuick = values.quick;
  const nodes = values.nodes.split(',').map((text) => whole(text, 'nodes', 32));
  if (values.via !== 'nodes' && values.via !== 'nginx') {
    throw new UsageError(`--via must be nodes or nginx, got "${values.via}"`);
  }
  const sockets = optional(values.sockets, 'sockets', 10_000);
  const groups = optional(values.groups, 'groups', 10_000);
  if (groups !== undefined && sockets !== undefined && groups > sockets) {
    throw new UsageError(`--groups must be at most --sockets, got "${groups}"`);
  }
  return {
    scenarios: names(values.scenario, 'scenario', k6ScenarioNames),
    nodes,
    backplanes: names(values.backplane, 'backplane', backplaneNames),
    sockets,
    groups,
    rate: optional(values.rate, 'rate', 1_000_000),
    payloadBytes: optional(values.payload, 'payload', 1_000_000),
    warmupSeconds: isQuick ? 1 : 2,
    windowSeconds: whole(values.seconds ?? (isQuick ? '2' : '10'), 'seconds', 3600),
    repeats: whole(values.repeats, 'repeats', 100),
    viaNginx: values.via === 'nginx',
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string', default: k6ScenarioNames.join(',') },
        nodes: { type: 'string', default: '1,3' },
        backplane: { type: 'string', default: 'redis' },
        rate: { type: 'string' },
        sockets: { type: 'string' },
        groups: { type: 'string' },
        payload: { type: 'string' },
        seconds: { type: 'string' },
        repeats: { type: 'string', default: '1' },
        via: { type: 'string', default: 'nodes' },
        quick: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function names<T extends string>(text: string, flag: string, known: readonly T[]): readonly T[] {
  return text.split(',').map((name) => {
    const found = known.find((candidate) => candidate === name);
    if (found !== undefined) return found;
    throw new UsageError(`--${flag} must be one of ${known.join(', ')}, got "${name}"`);
  });
}

function optional(text: string | undefined, flag: string, max: number): number | undefined {
  return text === undefined ? undefined : whole(text, flag, max);
}

function whole(text: string, flag: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new UsageError(`--${flag} must be a whole number 1..${String(max)}, got "${text}"`);
}
