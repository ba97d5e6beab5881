/**
 * A process of its own that outlives the runner by a moment: when its standard input ends, it ends
 * the programs that it was told of and removes the folders. So nothing is left behind however the
 * runner dies. Lines on standard input: `+pid`, `-pid`, `folder path`.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { signalGroup } from './program.ts';

const graceMs = 3000;
const pollMs = 50;

const pids = new Set<number>();
const folders = new Set<string>();

/** Sends a signal (0: none) to every program that is left, and forgets those that are gone. */
function signalAll(signal: NodeJS.Signals | 0): void {
  for (const pid of pids) {
    if (!signalGroup(pid, signal)) pids.delete(pid);
  }
}

// Ctrl-C is for the runner; what it does about it ends the input.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) pids.add(Number(line.slice(1)));
  else if (line.startsWith('-')) pids.delete(Number(line.slice(1)));
  else if (line.startsWith('folder ')) folders.add(line.slice('folder '.length));
}
signalAll('SIGTERM');
for (let waitedMs = 0; pids.size > 0 && waitedMs < graceMs; waitedMs += pollMs) {
  await delay(pollMs);
  signalAll(0);
}
signalAll('SIGKILL');
for (const folder of folders) rmSync(folder, { recursive: true, force: true });
