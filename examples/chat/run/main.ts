/** `npm run example:chat`: runs the example and shows its nodes until Ctrl-C. */
import { setTimeout as delay } from 'node:timers/promises';
import { Board } from '../../../bench/cluster/board.ts';
import { startChatSystem, type ChatSystem } from './chat-system.ts';
import { parseExampleOptions, usage, UsageError } from './options.ts';

const refreshMs = 1000;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const options = parseExampleOptions(args);
  const end = new AbortController();
  const onSignal = (): void => {
    // The second one is for those who cannot wait; the watchdog of the cluster ends what is left.
    if (end.signal.aborted) process.exit(1);
    end.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  let board: Board | undefined;
  const say = (text: string): void => {
    board?.release();
    process.stderr.write(`${text}\n`);
  };
  const system = await startChatSystem({
    ...options,
    onFailure: (error) => say(`The backend failed: ${String(error)}`),
    onDeath: ({ name, pid }, how) => say(`${name} (pid ${String(pid)}) ended: ${how}.`),
  });
  try {
    process.stdout.write(headline(system));
    board = new Board(system.cluster.nodes, process.stdout);
    while (!end.signal.aborted) {
      await board.refresh();
      // The abort is the end of the loop and no error.
      await delay(refreshMs, undefined, { signal: end.signal }).catch(() => undefined);
    }
  } finally {
    process.stdout.write('Stopping …\n');
    await system.stop();
  }
  return 0;
}

function headline({ cluster, url }: ChatSystem): string {
  return [
    `Chat on ${url} (open it in several tabs, as several people)`,
    `  gateway            ${cluster.url} (nginx, pid ${String(cluster.nginx?.pid)})`,
    `  backplane          ${String(cluster.broker?.url)}`,
    `  connection string  ${cluster.connectionString}`,
    'Ctrl-C stops it. These are the nodes; end one with kill -9, and its tabs go on elsewhere:',
    '',
  ].join('\n');
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
