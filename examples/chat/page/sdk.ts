/** The client SDK. An application outside of this repository imports `@trunkline/client`. */
export {
  createClient,
  UnauthorizedError,
  type Client,
  type Clock,
  type ConnectionChange,
  type Group,
  type Message,
} from '../../../client-sdk/src/index.ts';
