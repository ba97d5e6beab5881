/** `npm run cluster`: runs a cluster on this machine and shows its nodes until Ctrl-C. */
import { setTimeout as delay } from 'node:timers/promises';
import { Board } from './board.ts';
import { startCluster, type Cluster } from './cluster.ts';
import type { Member } from './member.ts';
import { parseRunOptions, UsageError, usage, type RunOptions } from './options.ts';

const refreshMs = 1000;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const end = new AbortController();
  const onSignal = (): void => {
    // The second one is for those who cannot wait; the watchdog ends what is left.
    if (end.signal.aborted) process.exit(1);
    end.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const options = parseRunOptions(args);
  const deaths = new Deaths();
  const cluster = await startCluster({
    ...options,
    env: settingsOfCaller(),
    onDeath: (member, how) => deaths.add(member, how),
  });
  try {
    process.stdout.write(headline(cluster, options));
    await show(cluster, deaths, end.signal);
  } finally {
    process.stdout.write('Stopping …\n');
    await cluster.stop();
  }
  return 0;
}

/** What was not shown yet of programs that ended by themselves. */
class Deaths {
  #text = '';

  add(member: Member, how: string): void {
    this.#text += `${member.name} (pid ${String(member.pid)}) ended: ${how}.`;
    this.#text += member.output === '' ? '\n' : ` Its last output:\n${member.output}\n`;
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

async function show(cluster: Cluster, deaths: Deaths, signal: AbortSignal): Promise<void> {
  const board = new Board(cluster.nodes, process.stdout);
  while (!signal.aborted) {
    const died = deaths.take();
    if (died !== '') {
      board.release();
      process.stderr.write(died);
    }
    await board.refresh();
    // The abort is the end of the loop and no error.
    await delay(refreshMs, undefined, { signal }).catch(() => undefined);
  }
}

function headline(cluster: Cluster, options: RunOptions): string {
  const { broker, nginx, url } = cluster;
  return [
    `Cluster on ${url}${options.page ? ` (open it: that is the page)` : ''}`,
    `  backplane          ${broker?.url ?? 'memory: (the nodes are workers on one port)'}`,
    ...(broker === undefined ? [] : [`  broker             pid ${String(broker.process.pid)}`]),
    ...(nginx === undefined ? [] : [`  nginx              pid ${String(nginx.pid)}`]),
    `  connection string  ${cluster.connectionString}`,
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

/** Variables TRUNKLINE_… of the caller: limits and the like, for every node. */
function settingsOfCaller(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) =>
    name.startsWith('TRUNKLINE_') && value !== undefined ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${message}\n${error instanceof UsageError ? usage : ''}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
// A handler of a signal would hold nothing, but an open poll of a node may.
process.exit();
