/** The executable of a worker: joins it to this process. Nobody imports this file. */
import { openChannel, type WorkerChannel } from './channel.ts';
import { Worker } from './worker.ts';

/** A worker without a parent that has not ended by then hangs. */
const orphanMsMax = 15_000;

// Before anything that waits, so that nothing the parent says is missed.
const channel: WorkerChannel = openChannel(process);
const worker = new Worker({
  channel,
  write: (line) => {
    process.stderr.write(line);
  },
});
channel.onClosed(() => setTimeout(() => process.exit(1), orphanMsMax).unref());
// Ctrl-C reaches the whole group of processes: the parent says when to stop.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => worker.drain('SIGTERM'));
process.on('uncaughtException', (error) => worker.crash(error));
process.on('unhandledRejection', (error) => worker.crash(error));
// A reader that went away must not stop a worker, and where it cannot be told, nothing else can.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

if (process.send === undefined) {
  process.stderr.write('error: workers are started by "trunkline serve --workers <number>"\n');
  process.exit(2);
}
const code = await worker.run();
process.stderr.write('', () => process.exit(code));
