/** The public entry of @trunkline/client/testing: a gateway in memory, for tests of applications. */
export { ManualClock } from './manual-clock.ts';
export type { OnTestEvent, TestEvent } from './requests.ts';
export {
  createTestGateway,
  TestGateway,
  type KickOptions,
  type TestClientOptions,
  type TestConnection,
  type TestGatewayOptions,
  type TestPublishOptions,
} from './test-gateway.ts';
export type { TestTokenOptions } from './test-token.ts';
