/** The entry @trunkline/client/tabs: one connection for all tabs of a browser. */
import type { SocketConstructor, SocketEvent, SocketLike } from '../environment.ts';
import { TrunklineError } from '../errors.ts';
import { subprotocol } from '../wire.ts';
import { runtimeOf, type TabsEnvironment } from './environment.ts';
import { Leadership } from './leadership.ts';
import { TabSocket, type OpenRoute } from './tab-socket.ts';
import { workerRoutes } from './worker-route.ts';

export type { Locks, NoteChannel, TabsEnvironment, WorkerHandle } from './environment.ts';

export interface TabsOptions {
  /** Where the page finds the script of the SharedWorker. Without it, one of the tabs leads. */
  readonly workerUrl?: string | URL | undefined;
  /** Only tabs with the same name share. Default `default`. */
  readonly name?: string | undefined;
  /** What the browser brings, for tests. */
  readonly environment?: Partial<TabsEnvironment> | undefined;
}

/**
 * For the option `WebSocket` of a client: all tabs of this origin whose tokens say the same of the
 * user, the hub and the rights use one connection. In a SharedWorker where there is one, else in a
 * tab that leads; where the browser offers neither, each tab has its own.
 */
export function sharedByTabs(options: TabsOptions = {}): SocketConstructor {
  const { name = 'default', workerUrl } = options;
  const environment: TabsEnvironment = { ...runtimeOf(), ...options.environment };
  const routes = routesOf(environment, name, workerUrl);
  return class implements SocketLike {
    readonly #socket: SocketLike;

    constructor(url: string, subprotocols: string[]) {
      if (!subprotocols.includes(subprotocol)) {
        const text = `Tabs share ${subprotocol} only, got ${subprotocols.join(', ')}`;
        throw new TrunklineError('bad-option', text);
      }
      const [openRoute] = routes;
      if (openRoute === undefined) {
        this.#socket = new (webSocketOf(environment))(url, subprotocols);
        return;
      }
      const onUnusable = (): void => {
        if (routes[0] === openRoute) routes.shift();
      };
      this.#socket = new TabSocket({ url, environment, openRoute, onUnusable });
    }

    addEventListener(
      type: 'message' | 'close' | 'error',
      listener: (event: SocketEvent) => void,
    ): void {
      this.#socket.addEventListener(type, listener);
    }

    send(text: string): void {
      this.#socket.send(text);
    }

    close(code?: number, reason?: string): void {
      this.#socket.close(code, reason);
    }
  };
}

/** The ways that this browser offers, the best one first. */
function routesOf(
  environment: TabsEnvironment,
  name: string,
  workerUrl: string | URL | undefined,
): OpenRoute[] {
  const { locks, openChannel } = environment;
  const byWorker =
    workerUrl === undefined ? undefined : workerRoutes(environment, String(workerUrl), name);
  const routes = byWorker === undefined ? [] : [byWorker];
  if (locks !== undefined && openChannel !== undefined) {
    const WebSocket = webSocketOf(environment);
    const leadership = new Leadership({ name, environment, locks, openChannel, WebSocket });
    routes.push((opening, events) => leadership.open(opening, events));
  }
  return routes;
}

/** @throws TrunklineError `bad-option`. */
function webSocketOf({ WebSocket }: TabsEnvironment): SocketConstructor {
  if (WebSocket !== undefined) return WebSocket;
  throw new TrunklineError('bad-option', 'This runtime has no WebSocket to share');
}
