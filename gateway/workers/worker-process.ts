/** Starts the process of one worker. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openChannel, type ParentChannel } from './channel.ts';

/** A worker as its parent sees it. */
export interface WorkerProcess {
  /** Undefined: the system could not start it. */
  readonly pid: number | undefined;
  readonly channel: ParentChannel;
  /** Ends it at once. */
  kill(): void;
  /** Calls once when it has ended, with how: `exit code 1`, `SIGKILL`. */
  onEnd(listener: (how: string) => void): void;
}

export type ForkWorker = () => WorkerProcess;

/** Runs worker-main.ts. Its log goes where that of this process goes. */
export const forkWorker: ForkWorker = () => {
  // The build puts it beside this file.
  const main = fileURLToPath(new URL('./worker-main.js', import.meta.url));
  const child = fork(main, [], {
    // Bytes stay bytes.
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return {
    pid: child.pid,
    channel: openChannel(child),
    kill: () => void child.kill('SIGKILL'),
    onEnd: (listener) => {
      let hasEnded = false;
      const end = (how: string): void => {
        if (hasEnded) return;
        hasEnded = true;
        listener(how);
      };
      child.once('exit', (code, signal) => end(signal ?? `exit code ${String(code)}`));
      child.on('error', (error) => {
        // Also when a signal could not be sent; then the process is there, or `exit` comes.
        if (child.pid === undefined) end(error.message);
      });
    },
  };
};
