/** Three nodes whose backplane is a fourth gateway in the role of Azure Web PubSub, under faults. */
import { whyUnavailable } from '../../bench/cluster/options.ts';
import { startTestGateway, testAccessKey } from '../support/gateway.ts';
import { clusterFaultSuite } from './cluster-fault-suite.ts';

/** How the service is known: by the proxy's address too, once there is a proxy. */
const endpoints: string[] = [];

clusterFaultSuite({
  backplane: 'azure',
  skip: whyUnavailable('azure') ?? false,
  // A ping every 5 s, because the service counts messages, and 5 s for a sign of life.
  noticeMsMax: 15_000,
  startBroker: async () => {
    const service = await startTestGateway({ publicEndpoints: endpoints });
    return { port: service.gateway.port, stop: () => service.stop() };
  },
  urlOf: () => 'azure://',
  envOf: (port) => {
    const endpoint = `http://127.0.0.1:${port}`;
    endpoints.push(endpoint);
    return {
      TRUNKLINE_AZURE_CONNECTION_STRING: `Endpoint=${endpoint};AccessKey=${testAccessKey};Version=1.0;`,
    };
  },
});
