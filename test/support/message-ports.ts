/** Node.js message ports as the links between workers and their broker, in one process. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ParentPort, Port, WorkerPort } from '../../backplanes/memory/port.ts';
import type { ParentStreamPort, WorkerStreamPort } from '../../backplanes/memory/port-streams.ts';

interface Ends<Worker, Parent> {
  readonly worker: Worker;
  readonly parent: Parent;
  /** Breaks the link, as the death of either side does. */
  close(): void;
}

export type PortPair = Ends<WorkerPort, ParentPort>;
export type StreamPortPair = Ends<WorkerStreamPort, ParentStreamPort>;

export function openPortPair(): PortPair {
  return openEnds();
}

export function openStreamPortPair(): StreamPortPair {
  return openEnds();
}

function openEnds<Request, Reply>(): Ends<Port<Request, Reply>, Port<Reply, Request>> {
  const { port1, port2 } = new MessageChannel();
  return { worker: asPort(port1), parent: asPort(port2), close: () => port1.close() };
}

function asPort<Out, In>(port: MessagePort): Port<Out, In> {
  return {
    post: (message, onTaken) => {
      port.postMessage(message);
      setImmediate(onTaken);
    },
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.once('close', listener),
  };
}
