"""Says where it was asked: the path as the application sees it, and the query."""


def application(environ, start_response):
    body = (environ['SCRIPT_NAME'] + environ['PATH_INFO'] + '|' + environ['QUERY_STRING']).encode('latin-1')
    start_response('200 OK', [('Content-Type', 'application/x-echo'), ('Content-Length', str(len(body)))])
    return [body]
