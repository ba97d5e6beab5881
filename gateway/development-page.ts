/** The playground, which a gateway in development mode shows. */
import type { GatewayConfig } from './config.ts';
import { playgroundResponse } from './playground/page.ts';
import { signClientToken, signServerToken } from './tokens/sign.ts';
import type { HttpRequest, HttpResponse } from './transport/transport.ts';

const playgroundRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** undefined: the request is for something else, or the gateway is in production. */
export function developmentPage(
  request: HttpRequest,
  { accessKeys, mode, publicEndpoints }: GatewayConfig,
  url: string,
): HttpResponse | undefined {
  const [accessKey] = accessKeys;
  if (mode !== 'development' || accessKey === undefined) return undefined;
  // Behind a balancer another node may check the token: it must name what all of them know.
  const endpoint = publicEndpoints[0] ?? url;
  return playgroundResponse(request, {
    clientToken: (hub, userId) =>
      signClientToken({ accessKey, endpoint, hub, userId, roles: playgroundRoles }),
    serverToken: (path) => signServerToken({ accessKey, url: endpoint + path }),
  });
}
