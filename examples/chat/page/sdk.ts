/**
 * The client SDK. An application outside of this repository imports `@trunkline/client`
 * and `@trunkline/client/presence`.
 */
export {
  createClient,
  UnauthorizedError,
  type Client,
  type Clock,
  type ConnectionChange,
  type Group,
  type Message,
} from '../../../client-sdk/src/index.ts';
export { presence, type HubPresence } from '../../../client-sdk/src/presence/index.ts';
