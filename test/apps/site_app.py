"""An application behind sites: it answers with orders for the server in front of it."""
import threading


def _failing():
    yield b'begun'
    raise ValueError('in the middle, on purpose')


def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/app/download':
        headers = [
            ('X-Accel-Redirect', '/protected/report.pdf?from=app'),
            ('Content-Type', 'application/x-report'),
            ('Content-Disposition', 'attachment; filename="r.pdf"'),
            ('X-Secret', 'not for clients'),
        ]
        start_response('200 OK', headers)
        return [b'nobody sees this']
    if path == '/app/echo-redirect':
        start_response('200 OK', [('X-Accel-Redirect', environ['QUERY_STRING'])])
        return []
    if path == '/app/order-and-fail':
        start_response('200 OK', [('X-Accel-Redirect', '/protected/report.pdf')])
        return _failing()
    if path == '/app/named':
        start_response('200 OK', [('X-Accel-Redirect', '@moved')])
        return (piece for piece in [b'a', b'b'])
    if path == '/app/sendfile':
        start_response('200 OK', [('X-Sendfile', '/etc/passwd'), ('Content-Type', 'text/plain')])
        return [b'its own content']
    if path.startswith('/slow/'):
        threading.Event().wait()
    if path == '/app/buffering':
        start_response('200 OK', [('X-Accel-Buffering', 'no'), ('Content-Type', 'text/plain')])
        return [b'as it comes']
    if path == '/app/orders':
        orders = [tuple(pair.split(':')) for pair in environ['QUERY_STRING'].split(',')]
        start_response('200 OK', orders)
        return [b'x' * 3000]
    if path == '/app/broken':
        raise RuntimeError('broken on purpose')
    if path.startswith('/app/status/'):
        start_response(path.rsplit('/', 1)[1] + ' Status', [('Content-Type', 'text/plain')])
        return [b'the application says so']
    body = environ['wsgi.input'].read()
    seen = f'{environ["HTTP_HOST"]} {environ["REQUEST_METHOD"]} {path} {environ["QUERY_STRING"]} {len(body)}'
    start_response('200 OK', [('Content-Type', 'text/plain'), ('X-App', '1')])
    return [seen.encode('latin-1')]
