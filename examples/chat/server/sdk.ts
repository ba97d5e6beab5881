/** The server SDK. A backend outside of this repository imports `@trunkline/server`. */
export { createServer, type Server } from '../../../server-sdk/src/index.ts';
