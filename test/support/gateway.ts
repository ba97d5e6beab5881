/** A gateway for tests: in this process, on a free port of loopback, with the memory backplane. */
import type { GatewayConfig, HubSettings } from '../../gateway/config.ts';
import { plainHub } from '../../gateway/config/sections.ts';
import { startGateway, type GatewayOptions, type RunningGateway } from '../../gateway/gateway.ts';
import { defaultLimits, type Limits } from '../../gateway/limits.ts';
import { createLogger } from '../../gateway/telemetry/log.ts';

/** The access key of every test gateway that is not given another. */
export const testAccessKey = 'an access key of tests, 32 bytes or more';

/** Settings that differ from the defaults of tests. */
export interface TestGatewaySettings extends Partial<Omit<GatewayConfig, 'hubs' | 'limits'>> {
  readonly hubs?: Readonly<Record<string, Partial<HubSettings>>>;
  readonly limits?: Partial<Limits>;
}

export interface TestGateway {
  readonly gateway: RunningGateway;
  /** For instance `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The same with `ws:` or `wss:`. */
  readonly wsUrl: string;
  /** The first of the access keys: the one that signs. */
  readonly accessKey: string;
  /** As `new WebPubSubServiceClient(...)` takes it. */
  readonly connectionString: string;
  /** What the gateway logged at level `error`; a test that expects none looks here. */
  readonly errors: readonly string[];
  /** Idempotent. */
  stop(): Promise<void>;
}

/** Starts a gateway with the given differences; stop it in an `after` hook. */
export async function startTestGateway(
  settings: TestGatewaySettings = {},
  parts: Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const { hubs = {}, limits, ...others } = settings;
  const config: GatewayConfig = {
    mode: 'production',
    host: '127.0.0.1',
    port: 0,
    workers: 1,
    tls: undefined,
    accessKeys: [testAccessKey],
    publicEndpoints: [],
    backplane: 'memory:',
    azureConnectionString: undefined,
    issuers: [],
    retention: {},
    streamStore: undefined,
    logLevel: 'error',
    logFormat: 'text',
    ...others,
    hubs: Object.fromEntries(
      Object.entries(hubs).map(([name, hub]) => [name, { ...plainHub, ...hub }]),
    ),
    limits: { ...defaultLimits, ...limits },
  };
  const errors: string[] = [];
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    secrets: config.accessKeys,
    write: (line) => errors.push(line),
  });
  const gateway = await startGateway(config, { log, ...parts });
  const { url } = gateway;
  const accessKey = config.accessKeys[0] ?? testAccessKey;
  return {
    gateway,
    url,
    wsUrl: url.replace(/^http/, 'ws'),
    accessKey,
    connectionString: `Endpoint=${url};AccessKey=${accessKey};Version=1.0;`,
    errors,
    stop: () => gateway.stop(),
  };
}
