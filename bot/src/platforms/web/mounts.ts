// Requests that other platforms answer themselves on this address, handed over before anything has read the body.
import type { FastifyInstance } from 'fastify';
import { TroupeError } from '../../errors.ts';
import type { HttpMount } from '../../platform.ts';

export async function mountAll(app: FastifyInstance, mounts: HttpMount[]): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Leaves the stream as it is: a signature covers its bytes.
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const { path, handle } of mounts) {
      if (app.hasRoute({ method: 'POST', url: path }))
        throw new TroupeError('path-taken', `${path} is answered by the web server itself or twice. Give the platform another path.`);
      scope.all(path, { schema: { hide: true } as object }, (request, reply) => {
        reply.hijack();
        handle(request.raw, reply.raw);
      });
    }
  });
}
