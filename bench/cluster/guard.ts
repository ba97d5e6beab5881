/** The runner's end of the watchdog: a scratch folder, and the list of programs not to be left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export class Guard {
  /** For files of the programs; gone with the guard. */
  readonly folder: string;
  readonly #process: ChildProcess;
  readonly #input: Writable;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'trunkline-cluster-'));
    const watchdog = fileURLToPath(new URL('watchdog.js', import.meta.url));
    // Its own group, so that a Ctrl-C of the terminal does not reach it.
    const child = spawn(process.execPath, [watchdog], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#process = child;
    this.#input = child.stdin;
    // A watchdog that is gone guards nothing, and the cluster runs as well without.
    child.on('error', () => undefined);
    this.#input.on('error', () => undefined);
    this.#say(`folder ${this.folder}`);
  }

  add(pid: number): void {
    this.#say(`+${String(pid)}`);
  }

  /** Call it as soon as the program has ended: its pid may be given to another. */
  remove(pid: number): void {
    this.#say(`-${String(pid)}`);
  }

  /** Ends what is left and removes the folder. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#input.end();
    await ended;
  }

  #say(line: string): void {
    this.#input.write(`${line}\n`);
  }
}
