/** Puts one gateway node together, starts it, and stops it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backplane } from '../backplanes/backplane.ts';
import type { StreamStore } from '../backplanes/stream-store.ts';
import { systemClock, type Clock } from './clock.ts';
import { Cluster } from './cluster.ts';
import { clusterMetrics } from './cluster-metrics.ts';
import type { GatewayConfig, HubSettings } from './config.ts';
import { plainHub } from './config/sections.ts';
import { configuredBackplane } from './configured-backplane.ts';
import { configuredStreams } from './configured-streams.ts';
import { gatewayMetrics, nodeInfo } from './gateway-metrics.ts';
import { Departure } from './departure.ts';
import { developmentPage } from './development-page.ts';
import { goingAwayReason } from './drain.ts';
import { endpointsOf } from './endpoints.ts';
import { RestApi } from './http/api.ts';
import { createCodecs, type Codecs } from './protocol/codecs.ts';
import { PermissionsTable } from './protocol/roles.ts';
import { presenceMetrics } from './presence-metrics.ts';
import { Readiness } from './readiness.ts';
import { DestinationRules } from './router/destination-rules.ts';
import { connectionIdOf } from './router/keys.ts';
import { Router } from './router/router.ts';
import { ClientEndpoint, notAWebSocket } from './session/client-endpoint.ts';
import { noEventHandlers } from './session/event-handlers.ts';
import { StreamSweep } from './session/group-streams.ts';
import { Heartbeats } from './session/heartbeats.ts';
import { ReliableSessions } from './session/reliable/reliable-sessions.ts';
import { newSessionCounters, type SessionCounters } from './session/session-counters.ts';
import type { SessionServices } from './session/session-services.ts';
import { TokenExpiry } from './session/token-expiry.ts';
import type { Logger } from './telemetry/log.ts';
import { mergedText, Metrics, type MetricsPage } from './telemetry/metrics.ts';
import { ReconnectionTokens } from './tokens/reconnection-tokens.ts';
import { TokenVerifier } from './tokens/verify.ts';
import type { TransportHandlers } from './transport/transport.ts';
import { streamMetrics } from './stream-metrics.ts';
import { UwsServer } from './transport/uws-server.ts';

export interface GatewayOptions {
  readonly log: Logger;
  /** Instead of the one that the configuration names; closed with the gateway. */
  readonly backplane?: Backplane;
  /** The same for the store of the streams, where a hub has some. */
  readonly store?: StreamStore | undefined;
  readonly clock?: Clock;
  /** The place of this node among several workers on one port. */
  readonly worker?: WorkerPlace;
}

export interface WorkerPlace {
  /** Counted from 1; a label of every metric. */
  readonly number: number;
  /** The pages of all workers; `own` gives that of this one. */
  readonly pages: (own: () => Promise<MetricsPage>) => Promise<readonly MetricsPage[]>;
}

export interface RunningGateway {
  /** Where it listens, for instance `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  /** Unique per start; every connection id begins with it. */
  readonly nodeId: string;
  /** The metrics of this node alone. */
  metricsPage(): Promise<MetricsPage>;
  /**
   * Sends the clients away one after the other (`drainDelayMs`, `drainSpreadMs`), finishes what is in
   * flight, and stops; in development mode it stops at once. Idempotent.
   * @throws GatewayError `internal` after `drainMs`, when it has not ended by then.
   */
  drain(): Promise<void>;
  /** Closes every connection with 1001 now, then the backplane. Ends a drain. Idempotent. */
  stop(): Promise<void>;
}

/** How long clients have to answer the close before their sockets are cut, in ms. */
const closeGraceMs = 500;
const closePollMs = 10;
const permissionsEntriesMax = 10_000;
const uniqueBytes = 12;
const nodeIdBytes = 6;

/**
 * Resolves when it listens and the backplane is connected.
 * @throws GatewayError `bad-setting`, `cannot-listen`, `no-native-binary` or
 *   `backplane-unavailable`; nothing is left running then.
 */
export async function startGateway(
  config: GatewayConfig,
  options: GatewayOptions,
): Promise<RunningGateway> {
  const { clock = systemClock, log, worker } = options;
  const backplane = options.backplane ?? (await configuredBackplane(config));
  const store = options.store ?? (await configuredStreams(config, backplane, log));
  const gateway = new Gateway(config, { backplane, store, clock, log, worker });
  await gateway.start();
  return gateway;
}

interface GatewayParts {
  readonly backplane: Backplane;
  readonly store: StreamStore | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly worker: WorkerPlace | undefined;
}

type OnError = (error: unknown) => void;

class Gateway implements RunningGateway {
  readonly nodeId = randomBytes(nodeIdBytes).toString('hex');
  readonly #config: GatewayConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #router: Router;
  readonly #cluster: Cluster;
  readonly #codecs: Codecs;
  readonly #reliable: ReliableSessions;
  readonly #server: UwsServer;
  readonly #clients: ClientEndpoint;
  readonly #metrics: Metrics;
  readonly #readiness: Readiness;
  readonly #departure: Departure;
  #port = 0;
  #drained: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: GatewayConfig, parts: GatewayParts) {
    const { backplane, clock, log, store, worker } = parts;
    const { limits } = config;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = new Metrics(worker === undefined ? {} : { worker: String(worker.number) });
    const onError: OnError = (error) => log.error('internal error', { error });
    this.#router = new Router({
      nodeId: this.nodeId,
      backplane,
      store,
      limits,
      clock,
      rules: new DestinationRules(config),
      onNodeMessage: (bytes) => this.#cluster.bus.receive(bytes),
      onNodeGap: () => {
        this.#cluster.bus.onGap();
        this.#reliable.introduce();
      },
      nodeFor: (connectionId) => this.#cluster.calls.messagesTo(connectionId),
      onError,
    });
    this.#cluster = this.#createCluster(parts, onError);
    this.#codecs = createCodecs(limits);
    this.#readiness = new Readiness({
      clock,
      introductionMsMax: limits.suspectAfterMs,
      isInDoubt: () => this.#cluster.bus.isInDoubt() || !this.#reliable.isIntroduced,
      unavailableReason: () => this.#router.unavailableReason(),
    });
    this.#departure = this.#createDeparture(parts);
    const sessions = newSessionCounters();
    const tokens = new TokenVerifier({
      accessKeys: config.accessKeys,
      issuers: config.issuers,
      endpoints: () => this.#endpoints(),
      clock,
    });
    const services = this.#sessionServices(tokens, sessions, onError);
    this.#reliable = this.#createReliable(services);
    this.#clients = this.#createClients(services);
    this.#server = new UwsServer(
      {
        host: config.host,
        port: config.port,
        tls: config.tls,
        // Several workers share the port; one gateway keeps a second one out.
        exclusive: worker === undefined,
        limits,
        onError,
      },
      this.#handlers(tokens, worker),
    );
    this.#metrics.add(nodeInfo(this.nodeId));
    this.#metrics.addAll(clusterMetrics(this.#cluster.bus, backplane));
    this.#metrics.addAll(streamMetrics(this.#router, store));
    this.#metrics.addAll(presenceMetrics(this.#cluster.presence));
    this.#metrics.addAll(
      gatewayMetrics({
        transport: this.#server.counters,
        sessions,
        router: this.#router,
        reliable: this.#reliable,
      }),
    );
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const { host, tls } = this.#config;
    const scheme = tls === undefined ? 'http' : 'https';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host || '0.0.0.0'}:${this.#port}`;
  }

  async start(): Promise<void> {
    try {
      await this.#router.start();
      this.#cluster.presence.start();
      await this.#cluster.bus.start();
      this.#reliable.introduce();
      const { port } = await this.#server.start();
      this.#port = port;
      this.#readiness.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#log.info('gateway started', { url: this.url, nodeId: this.nodeId });
  }

  metricsPage(): Promise<MetricsPage> {
    return this.#metrics.page();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#config.mode === 'development' ? this.stop() : this.#departure.run();
    return this.#drained;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#readiness.close();
    this.#departure.cancel();
    this.#reliable.close();
    this.#clients.close();
    this.#server.stopAccepting();
    this.#router.hubs.closeAll(goingAwayReason);
    await this.#closeHandshakes();
    this.#server.close();
    this.#cluster.presence.stop();
    await this.#cluster.bus.stop();
    await this.#router.close();
    this.#metrics.close();
  }

  #createCluster({ backplane, clock }: GatewayParts, onError: OnError): Cluster {
    return new Cluster({
      nodeId: this.nodeId,
      backplane,
      clock,
      limits: this.#config.limits,
      router: this.#router,
      takeOver: (call, args) => this.#reliable.execute(call, args),
      settled: (connectionId) => this.#reliable.takeOvers?.owner.settled(connectionId),
      onError,
    });
  }

  #createReliable(services: SessionServices): ReliableSessions {
    const { accessKeys } = this.#config;
    const clock = this.#clock;
    const { calls, moved: moves } = this.#cluster;
    const { handovers } = this.#router;
    return new ReliableSessions({
      services,
      tokens: new ReconnectionTokens({ accessKeys, clock }),
      clock,
      codecOf: (subprotocol) => this.#codecs.selectSubprotocol([subprotocol])?.codec,
      takeOvers: {
        calls,
        handovers,
        moves,
        newNonce: uniqueText,
        takesMore: () => this.#readiness.isOpen,
      },
    });
  }

  #createDeparture({ clock, log }: GatewayParts): Departure {
    const { hubs } = this.#router;
    return new Departure({
      clock,
      limits: this.#config.limits,
      log,
      readiness: this.#readiness,
      refuseUpgrades: () => this.#clients.close(),
      connections: () => [...hubs.allConnections()],
      remaining: () => hubs.connectionCount,
      handOver: (withinMs, signal) => this.#reliable.leave(withinMs, goingAwayReason, signal),
      closeDoors: (reason) => {
        this.#server.stopAccepting();
        hubs.closeAll(reason);
      },
      plainConnections: () => this.#server.plainConnections,
      stop: () => this.stop(),
    });
  }

  #sessionServices(
    tokens: TokenVerifier,
    counters: SessionCounters,
    onError: OnError,
  ): SessionServices {
    const clock = this.#clock;
    const { limits } = this.#config;
    const permissions = new PermissionsTable({
      nameLengthMax: limits.nameLengthMax,
      entriesMax: permissionsEntriesMax,
    });
    return {
      publisher: this.#departure.publisher(this.#router),
      subscribers: this.#router.members,
      streams: this.#router.streams,
      presence: this.#cluster.presence,
      events: noEventHandlers,
      streamSweep: new StreamSweep(clock),
      heartbeats: new Heartbeats({ clock, counters, periodMs: limits.clientHeartbeatMs }),
      tokenExpiry: new TokenExpiry({ clock, graceMs: limits.tokenGraceMs }),
      verifyClient: (token, hub) => tokens.verifyClient(token, hub),
      permissionsFor: (roles) => permissions.permissionsFromRoles(roles),
      limits,
      counters,
      onError,
    };
  }

  #createClients(services: SessionServices): ClientEndpoint {
    return new ClientEndpoint({
      services,
      reliable: this.#reliable,
      codecs: this.#codecs,
      hubSettings: (hub) => hubSettingsOf(this.#config, hub),
      newConnectionId: () => connectionIdOf(this.nodeId, uniqueText()),
    });
  }

  #handlers(tokens: TokenVerifier, worker: WorkerPlace | undefined): TransportHandlers {
    const { accessKeys, limits } = this.#config;
    const api = new RestApi({
      publisher: this.#departure.publisher(this.#router),
      directory: this.#cluster.directory,
      streams: this.#router.streams,
      tokens,
      accessKeys,
      endpoints: () => this.#endpoints(),
      limits,
      clock: this.#clock,
      readiness: () => this.#readiness.state(),
      metrics: worker === undefined ? this.#metrics : this.#mergedMetrics(worker),
      onError: (error) => this.#log.error('request failed', { error }),
    });
    const isClientPath = (path: string): boolean => ClientEndpoint.serves(path);
    return {
      isWebSocketPath: isClientPath,
      onUpgrade: (request) => this.#clients.onUpgrade(request),
      onHeaders: (request) =>
        developmentPage(request, this.#config, this.url) ??
        (isClientPath(request.path) ? notAWebSocket() : api.onHeaders(request)),
      onRequest: this.#departure.onRequest(api.onRequest),
    };
  }

  #mergedMetrics(worker: WorkerPlace): Pick<Metrics, 'text' | 'contentType'> {
    return {
      contentType: this.#metrics.contentType,
      text: async () => mergedText(await worker.pages(() => this.metricsPage())),
    };
  }

  #endpoints(): readonly string[] {
    return endpointsOf(this.#config.publicEndpoints, this.url);
  }

  /** Waits until the clients have answered the close, or the grace is over. */
  async #closeHandshakes(): Promise<void> {
    const until = this.#clock.monotonicMs() + closeGraceMs;
    while (this.#server.connections > 0 && this.#clock.monotonicMs() < until) {
      await sleep(closePollMs);
    }
  }
}

function uniqueText(): string {
  return randomBytes(uniqueBytes).toString('base64url');
}

function hubSettingsOf(config: GatewayConfig, hub: string): HubSettings {
  const { hubs } = config;
  const named = Object.hasOwn(hubs, hub) ? hubs[hub] : undefined;
  return named ?? hubs['*'] ?? plainHub;
}
