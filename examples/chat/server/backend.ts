/** The backend of the chat: puts database, gateway and HTTP together. */
import type { GatewayApi } from './gateway-api.ts';
import { HttpServer, type Asset } from './http-server.ts';
import { People } from './people.ts';
import { ReadMarks } from './read-marks.ts';
import { Rooms } from './rooms.ts';
import { routesOf } from './routes.ts';
import { seed } from './seed.ts';
import { Sessions } from './sessions.ts';
import { Store } from './store.ts';
import { Topics } from './topics.ts';

export interface BackendOptions {
  readonly gateway: GatewayApi;
  /** `ws://<host>/client/hubs/<hub>`: where pages connect. */
  readonly clientUrl: string;
  /** By path; `/` is the page. */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Of the database; without one it is in memory. */
  readonly file?: string | undefined;
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
  readonly nowMs?: () => number;
  /** Something failed that is nobody's mistake. */
  readonly onFailure: (error: unknown) => void;
}

export interface Backend {
  readonly url: string;
  readonly marks: ReadMarks;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Resolves when it serves. A new database is given people, rooms and topics. */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const { gateway, clientUrl, nowMs = Date.now, onFailure } = options;
  const store = new Store(options.file);
  const people = new People(store);
  const rooms = new Rooms(store);
  const marks = new ReadMarks(store);
  const topics = new Topics(store);
  const sessions = new Sessions(store, nowMs);
  if (people.all().length === 0) seed({ people, rooms, topics });
  const routes = routesOf({ gateway, people, rooms, marks, sessions, topics, clientUrl, nowMs });
  const { assets = new Map<string, Asset>(), host = '127.0.0.1', port = 0 } = options;
  const server = new HttpServer({ routes, assets, clientUrl, host, port, onFailure });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await server.close();
    store.close();
  };
  try {
    return { url: await server.listen(), marks, close };
  } catch (error) {
    store.close();
    throw error;
  }
}
