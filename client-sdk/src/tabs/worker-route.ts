/** The way of a tab's socket to the switchboard in a SharedWorker. */
import { send, type TabsEnvironment } from './environment.ts';
import { scoped, type SwitchboardNote } from './notes.ts';
import type { OpenRoute } from './tab-socket.ts';

/** A worker that has not answered for so long does not run this package's script. */
const answerMs = 8000;

/** The browser starts the worker when it is not there, also after its death. */
export function workerRoutes(
  { clock, openWorker }: Pick<TabsEnvironment, 'clock' | 'openWorker'>,
  workerUrl: string,
  name: string,
): OpenRoute | undefined {
  if (openWorker === undefined) return undefined;
  return (opening, events) => {
    const worker = openWorker(workerUrl, scoped(name));
    const { port } = worker;
    const cancelTimer = clock.after(answerMs, () => events.onUnusable());
    worker.addEventListener('error', () => events.onUnusable());
    port.addEventListener('message', ({ data }) => {
      cancelTimer();
      // The worker is of this package and of this version.
      events.onNote(data as SwitchboardNote);
    });
    port.start?.();
    send(port, opening);
    return {
      post: (note) => send(port, note),
      close: () => {
        cancelTimer();
        port.close();
      },
    };
  };
}
