"""An application behind `access`: says who asks for what, and decides who is let in (`/auth/…`)."""


def application(environ, start_response):
    path = environ['PATH_INFO']
    body = environ['wsgi.input'].read()
    if path.startswith('/auth/'):
        if 'ok=1' in environ.get('HTTP_COOKIE', ''):
            start_response('200 OK', [('X-User', 'ann')])
            return [b'nobody sees this']
        asked = (environ['REQUEST_METHOD'], environ['HTTP_X_ORIGINAL_METHOD'], environ['HTTP_X_ORIGINAL_URI'], len(body))
        others = [name for name in ('HTTP_UPGRADE', 'HTTP_RANGE', 'CONTENT_LENGTH') if environ.get(name)]
        status = environ.get('HTTP_X_WANT', '401 Unauthorized')
        start_response(status, [('WWW-Authenticate', 'Test seen="%s %s"' % (asked, others))])
        return [b'nobody sees this either']
    seen = '%s %s %s %d' % (environ['REQUEST_METHOD'], path, environ.get('REMOTE_USER', 'nobody'), len(body))
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [seen.encode('latin-1')]
