"""A configuration file of gunicorn, as people have it: variables of its own, and a misspelt setting."""

import multiprocessing
import os

cores = multiprocessing.cpu_count()
use_loglevel = os.environ.get("LOG_LEVEL", "info")

wsgi_app = "site_app:create_app('from the file', debug=True)"
bind = ["unix:run/site.sock", "127.0.0.1:0"]
umask = 0o027
workers = min(cores, 1)
treads = 4
loglevel = use_loglevel
raw_env = ["GREETING=hello=world"]
accesslog = "-"
access_log_format = '%(m)s %(U)s %(s)s %({x-mark}i)s %(nothing)s'
timeout = 1
logconfig_dict = {"loggers": {"site": {"handlers": ["error_console"], "level": "INFO", "propagate": False}}}
worker_tmp_dir = "/dev/shm"
statsd_host = None
preload_app = False
