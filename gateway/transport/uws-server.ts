/** The HTTP and WebSocket server: wires uWebSockets.js to the handlers it is given. */
import type { TemplatedApp, us_listen_socket as ListenSocket } from 'uWebSockets.js';
import { GatewayError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { Admission } from './admission.ts';
import { createTransportCounters } from './counters.ts';
import type { TransportCounters } from './counters.ts';
import { DescriptorGauge, systemDescriptors } from './descriptor-gauge.ts';
import type { DescriptorSource } from './descriptor-gauge.ts';
import { serveRequest } from './http-exchange.ts';
import { explainListenFailure } from './listen-failure.ts';
import { loadUws } from './load-uws.ts';
import type { Uws } from './load-uws.ts';
import { SocketHost } from './socket-host.ts';
import { checkTlsFiles } from './tls-files.ts';
import type { TlsFiles } from './tls-files.ts';
import type { TransportHandlers } from './transport.ts';
import { serveUpgrade } from './upgrade.ts';
import type { UpgradeContext } from './upgrade.ts';
import type { SocketData } from './uws-socket.ts';

export interface UwsServerOptions {
  /** Address to bind; empty: every address. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  readonly limits: Limits;
  /** False: other processes may share the port, and the kernel spreads connections. */
  readonly exclusive?: boolean;
  /** Monotonic milliseconds. */
  readonly clock?: () => number;
  /** Hears what handlers throw. */
  readonly onError: (error: unknown) => void;
  /** What is known about file descriptors; a test hands in its own. */
  readonly descriptors?: DescriptorSource;
}

/** A frame of the largest size may take this much room on its way out, base64 in JSON included. */
const outgoingFrameFactor = 1.5;
/** Frames above the bound but below this many times it are refused with a readable error. */
const oversizeFactor = 2;
const oversizeSlackBytes = 1024;

export class UwsServer {
  readonly counters: TransportCounters = createTransportCounters();
  readonly #options: UwsServerOptions;
  readonly #uws: Uws;
  readonly #app: TemplatedApp;
  readonly #gauge: DescriptorGauge;
  readonly #admission: Admission;
  #listening: ListenSocket | undefined;

  /**
   * @throws GatewayError `no-native-binary`, or `bad-setting` for TLS files that cannot be used and
   *   limits that the native code would abort on.
   */
  constructor(options: UwsServerOptions, handlers: TransportHandlers) {
    const { limits } = options;
    const now = options.clock ?? (() => performance.now());
    checkIdleTimeout(limits.idleTimeoutSeconds);
    this.#options = options;
    this.#uws = loadUws({ headerBytesMax: limits.headerBytesMax });
    this.#gauge = new DescriptorGauge(options.descriptors ?? systemDescriptors(), now);
    this.#admission = new Admission(limits, this.#gauge, this.counters, now);
    const host = new SocketHost({
      counters: this.counters,
      frameBytesMax: limits.frameBytesMax,
      now,
      onError: options.onError,
    });
    this.#app = createApp(this.#uws, options.tls);
    this.#route({ host, limits, handlers, admission: this.#admission });
  }

  /** Sockets open or being upgraded. */
  get connections(): number {
    return this.#admission.held;
  }

  /** TCP connections that are no WebSockets. */
  get plainConnections(): number {
    return this.#admission.plain;
  }

  /**
   * Resolves when connections are accepted.
   * @throws GatewayError `cannot-listen`.
   */
  async start(): Promise<{ readonly port: number }> {
    const { host, port, exclusive = true } = this.#options;
    await this.#gauge.measure();
    const listening = await this.#listen(exclusive ? 1 : 0);
    if (listening === undefined) throw await explainListenFailure(host, port);
    this.#listening = listening;
    return { port: this.#uws.us_socket_local_port(listening) };
  }

  /** Refuses new connections; those that are open go on. */
  stopAccepting(): void {
    if (this.#listening === undefined) return;
    this.#uws.us_listen_socket_close(this.#listening);
    this.#listening = undefined;
  }

  /** Cuts every connection. Close handlers run before it returns. */
  close(): void {
    this.#listening = undefined;
    this.#app.close();
  }

  #listen(exclusive: 0 | 1): Promise<ListenSocket | undefined> {
    const { host, port } = this.#options;
    // The types of 20.51 lack this overload; its native code has it, those of 20.69 declare it.
    const app = this.#app as unknown as {
      listen(
        host: string,
        port: number,
        options: 0 | 1,
        onListening: (socket: ListenSocket | false) => void,
      ): void;
    };
    return new Promise((resolve) => {
      app.listen(host, port, exclusive, (socket) => {
        resolve(socket === false ? undefined : socket);
      });
    });
  }

  #route(context: UpgradeContext): void {
    const { limits, admission } = context;
    this.#app
      .filter((response, count) => {
        if (count !== 1) admission.connectionClosed();
        else if (!admission.connectionOpened()) response.close();
      })
      .ws<SocketData>('/*', {
        compression: this.#uws.DISABLED,
        maxPayloadLength: limits.frameBytesMax * oversizeFactor + oversizeSlackBytes,
        // One large frame on its way to a slow reader must not cut off who is sent an ack meanwhile.
        maxBackpressure:
          limits.sendBufferBytesMax + Math.ceil(limits.frameBytesMax * outgoingFrameFactor),
        closeOnBackpressureLimit: true,
        idleTimeout: limits.idleTimeoutSeconds,
        sendPingsAutomatically: true,
        maxLifetime: 0,
        upgrade: (response, request, nativeContext) => {
          serveUpgrade(response, request, nativeContext, context);
        },
        open: (ws) => {
          ws.getUserData().socket.opened(ws);
        },
        message: (ws, message, isBinary) => {
          ws.getUserData().socket.received(message, isBinary);
        },
        drain: (ws) => {
          ws.getUserData().socket.drained();
        },
        ping: (ws) => {
          ws.getUserData().socket.pinged();
        },
        close: (ws, code, message) => {
          this.counters.socketsClosed += 1;
          admission.release();
          // The filter above does not hear of connections that were upgraded.
          admission.connectionClosed();
          ws.getUserData().socket.closed(code, Buffer.from(message).toString());
        },
      })
      .any('/*', (response, request) => {
        serveRequest(response, request, context);
      });
  }
}

function createApp(uws: Uws, tls: TlsFiles | undefined): TemplatedApp {
  if (tls === undefined) return uws.App();
  checkTlsFiles(tls);
  return uws.SSLApp({ key_file_name: tls.keyFile, cert_file_name: tls.certFile });
}

/** The native code ends the process for any other value. */
function checkIdleTimeout(seconds: number): void {
  if (Number.isInteger(seconds) && (seconds === 0 || (seconds >= 8 && seconds <= 960))) return;
  throw new GatewayError(
    'bad-setting',
    `idleTimeoutSeconds must be 0 or a whole number 8..960, got ${seconds}.`,
  );
}
