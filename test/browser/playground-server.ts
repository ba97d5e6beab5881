/** A gateway in development mode on a free port, which shows the playground. */
import assert from 'node:assert/strict';
import type { GatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import { defaultLimits } from '../../gateway/limits.ts';
import { createLogger } from '../../gateway/telemetry/log.ts';
import { signServerToken } from '../../gateway/tokens/sign.ts';

const accessKey = 'a key of the playground test, 32 bytes or more';

const config: GatewayConfig = {
  mode: 'development',
  host: '127.0.0.1',
  port: 0,
  workers: 1,
  tls: undefined,
  accessKeys: [accessKey],
  publicEndpoints: [],
  backplane: 'memory:',
  azureConnectionString: undefined,
  issuers: [],
  hubs: {},
  retention: {},
  streamStore: undefined,
  limits: defaultLimits,
  logLevel: 'error',
  logFormat: 'text',
};

export interface PlaygroundServer {
  readonly url: string;
  /** Closes every connection of the page, as a backend may by the REST API. */
  closeConnections(reason: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startPlaygroundServer(): Promise<PlaygroundServer> {
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    secrets: config.accessKeys,
    write: (line) => process.stderr.write(line),
  });
  const gateway = await startGateway(config, { log });
  return {
    url: gateway.url,
    closeConnections: async (reason) => {
      const query = new URLSearchParams({ reason, 'api-version': '2024-12-01' });
      const url = `${gateway.url}/api/hubs/playground/:closeConnections?${query.toString()}`;
      const authorization = `Bearer ${signServerToken({ accessKey, url })}`;
      const response = await fetch(url, { method: 'POST', headers: { authorization } });
      assert.equal(response.status, 204);
    },
    stop: () => gateway.stop(),
  };
}
