/** The inside of the SharedWorker: it keeps the connection of all tabs. */
import { send, type NoteChannel, type TabsEnvironment } from './environment.ts';
import { holdLock } from './locks.ts';
import { scoped, type TabNote } from './notes.ts';
import { Switchboard } from './switchboard.ts';

/** The part of a SharedWorker's global scope that is used. */
export interface WorkerScope {
  addEventListener(
    type: 'connect',
    listener: (event: { readonly ports: readonly NoteChannel[] }) => void,
  ): void;
}

/** @throws Error where the worker has no WebSocket: the tabs then do without it. */
export function hostWorker(scope: WorkerScope, environment: TabsEnvironment): void {
  const { clock, locks, WebSocket } = environment;
  if (WebSocket === undefined) throw new Error('This worker has no WebSocket');
  const switchboard = new Switchboard({
    clock,
    WebSocket,
    watch: (id, onDead) =>
      locks === undefined
        ? () => undefined
        : holdLock(locks, scoped('tab', id), { onHeld: onDead, onLost: () => undefined }),
    onEmpty: () => undefined,
  });
  scope.addEventListener('connect', ({ ports: [port] }) => {
    port?.addEventListener('message', ({ data }) => {
      // Tabs run this version of the package.
      switchboard.receive(data as TabNote, {
        post: (answer) => send(port, answer),
        close: () => port.close(),
      });
    });
    port?.start?.();
  });
}
