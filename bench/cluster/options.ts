/** What a cluster is made of, and the command line that says so. */
import { parseArgs } from 'node:util';
import { backplaneSchemes } from '../../backplanes/index.ts';

export const backplaneNames = ['memory', 'redis', 'nats', 'azure'] as const;
export type BackplaneName = (typeof backplaneNames)[number];

export interface RunOptions {
  readonly backplane: BackplaneName;
  readonly nodes: number;
  readonly nginx: boolean;
  /** True: development mode, with the playground. */
  readonly page: boolean;
}

/** A wrong command line; the message says how it should be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const nodesMax = 32;

export const usage = `usage: npm run cluster -- [options]
  --backplane NAME   ${backplaneNames.join(', ')} (redis)
  --nodes N          gateway nodes, 1..${String(nodesMax)} (3); with memory: workers of one gateway
  --no-nginx         without nginx in front: clients choose a node by its URL
  --no-page          production mode: without the playground page
Variables TRUNKLINE_… are settings of every node.
`;

/** @throws UsageError */
export function parseRunOptions(args: readonly string[]): RunOptions {
  const values = parse(args);
  const backplane = backplaneNames.find((name) => name === values.backplane);
  if (backplane === undefined) {
    throw new UsageError(
      `--backplane must be ${backplaneNames.join(' or ')}, got "${values.backplane}"`,
    );
  }
  // Only Linux lets workers share a port.
  const isOne = backplane === 'memory' && process.platform !== 'linux';
  const given = values.nodes ?? (isOne ? '1' : '3');
  const nodes = Number(given);
  if (!/^\d+$/.test(given) || nodes < 1 || nodes > nodesMax) {
    throw new UsageError(`--nodes must be 1..${String(nodesMax)}, got "${given}"`);
  }
  return { backplane, nodes, nginx: !values['no-nginx'], page: !values['no-page'] };
}

/** The programs of the system that such a cluster runs. */
export function programsOf({
  backplane,
  nginx,
}: Pick<RunOptions, 'backplane' | 'nginx'>): readonly string[] {
  const brokers = { memory: [], redis: ['redis-server'], nats: ['nats-server'], azure: [] };
  return [...brokers[backplane], ...(nginx ? ['nginx'] : [])];
}

/** Why this version cannot join nodes by this backplane, or undefined when it can. */
export function whyUnavailable(
  backplane: BackplaneName,
  schemes: readonly string[] = backplaneSchemes,
): string | undefined {
  if (schemes.includes(`${backplane}:`)) return undefined;
  const known = backplaneNames.filter((name) => schemes.includes(`${name}:`));
  return (
    `There is no adapter for the backplane "${backplane}" in this version yet: ` +
    `choose ${known.join(' or ')}.`
  );
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backplane: { type: 'string', default: 'redis' },
        nodes: { type: 'string' },
        'no-nginx': { type: 'boolean', default: false },
        'no-page': { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
