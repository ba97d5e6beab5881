/**
 * Says whether a request to a development-only page comes from this machine and from the page
 * itself. Other web sites must not reach it through the visitor's browser: neither by a cross-site
 * request (Origin, Sec-Fetch-Site) nor by a name that they let point to 127.0.0.1 (Host).
 */
import type { HttpRequest } from '../transport/transport.ts';

const loopbackHost =
  /^(?:localhost|[a-z0-9-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const loopbackAddress =
  /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3}|(?:0{1,4}:){7}0{0,3}1|(?:0{1,4}:){5}ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})$/i;

/** A sentence on why the request is refused, or undefined when it is not. */
export function refusalOfForeignRequest(request: HttpRequest): string | undefined {
  const host = request.headers.get('host') ?? '';
  if (!loopbackAddress.test(request.remoteAddress)) {
    return `The playground answers this machine only, the request came from ${request.remoteAddress}.`;
  }
  const forwardedFor = request.headers.get('x-forwarded-for')?.split(',') ?? [];
  const stranger = forwardedFor.find((address) => !loopbackAddress.test(address.trim()));
  if (stranger !== undefined) {
    return `The playground answers this machine only, a proxy passed on a request from ${stranger.trim()}.`;
  }
  if (!loopbackHost.test(host)) {
    return `The playground answers under localhost only: open http://localhost instead of "${host}".`;
  }
  const origin = request.headers.get('origin');
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return `The playground answers its own page only, the request came from "${origin}".`;
  }
  const site = request.headers.get('sec-fetch-site');
  // A link from another site may open the page (it can be neither read nor framed), nothing more.
  const isNavigation =
    request.method === 'GET' && request.headers.get('sec-fetch-mode') === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation) {
    return `The playground answers its own page only, the request is "${site}".`;
  }
  return undefined;
}
