// The page at /: plain files, served as they are, with a policy that lets nothing else in.
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export async function page(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: fileURLToPath(new URL('./page', import.meta.url)),
    // Each file a route of its own: anything else is a 404 of the API.
    wildcard: false,
    cacheControl: false,
    schemaHide: true,
    setHeaders: (reply, path) => {
      reply.header('content-security-policy', PAGE_CSP);
      // Fonts never change under their name; everything else is asked for again and mostly answered 304.
      reply.header('cache-control', path.endsWith('.woff2') ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
