/** The states of the connection to the gateway, and every way between them. */
import type { Transitions } from './state-machine.ts';

export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

export type ConnectionReason =
  /** The application called `connect`, or made the client. */
  | 'connect'
  /** The gateway has said `connected`. */
  | 'greeted'
  /** Served by another node now, without a pause. */
  | 'moved'
  /** The WebSocket closed: `code` says more. */
  | 'lost'
  /** Nothing was heard for too long. */
  | 'silent'
  /** `getToken` failed. */
  | 'token-failed'
  /** The delay is over. */
  | 'retry'
  /** The network is back. */
  | 'online'
  /** The page is visible again. */
  | 'visible'
  /** The application called `close`. */
  | 'close'
  /** The gateway closed with a code after which one does not come back. */
  | 'stopped'
  /** `getToken` threw an `UnauthorizedError`. */
  | 'unauthorized';

export const connectionTransitions: Transitions<ConnectionState, ConnectionReason> = {
  idle: { connect: 'connecting', close: 'closed' },
  connecting: {
    greeted: 'connected',
    lost: 'waiting',
    silent: 'waiting',
    'token-failed': 'waiting',
    close: 'closed',
    stopped: 'closed',
    unauthorized: 'closed',
  },
  connected: {
    moved: 'connected',
    lost: 'waiting',
    silent: 'waiting',
    close: 'closed',
    stopped: 'closed',
    unauthorized: 'closed',
  },
  waiting: {
    connect: 'connecting',
    retry: 'connecting',
    online: 'connecting',
    visible: 'connecting',
    close: 'closed',
    unauthorized: 'closed',
  },
  closed: { connect: 'connecting' },
};
