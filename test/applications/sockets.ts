/** Flask-SocketIO, flask-sock and python-socketio, with threads and with gevent, as their pages about deployment start them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { Application } from './application.ts'
import type { Stage } from './stage.ts'
import { Visitor } from './visitor.ts'

const FLASK_SOCKETIO = `
from flask import Flask
from flask_socketio import SocketIO, emit, join_room, rooms

app = Flask(__name__)
app.config["SECRET_KEY"] = "of this test"
socketio = SocketIO(app)

@app.route("/")
def index():
    return socketio.async_mode

@socketio.event
def enter(room):
    join_room(room)
    return [room]

@socketio.event
def say(message):
    emit("said", message["text"], to=message["room"])
`

const PYTHON_SOCKETIO = `
import socketio
from flask import Flask

sio = socketio.Server()
app = Flask(__name__)
app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app)

@app.route("/")
def index():
    return sio.async_mode

@sio.event
def enter(sid, room):
    sio.enter_room(sid, room)
    return [room]

@sio.event
def say(sid, message):
    sio.emit("said", message["text"], room=message["room"])
`

const FLASK_SOCK = `
from flask import Flask
from flask_sock import Sock

app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25}
sock = Sock(app)

@app.route("/")
def index():
    return "echo"

@sock.route("/echo")
def echo(ws):
    while True:
        data = ws.receive()
        if data == "close":
            break
        ws.send(data)
`

const THREADS = ['-w', '1', '--threads', '100']
const GEVENT = ['-w', '1', '-k', 'gevent']

/** A room of Socket.IO over each way in which a client can connect. */
async function chat(stage: Stage, source: string, words: readonly string[], mode: string): Promise<void> {
  stage.save('chat.py', source)
  const server = await stage.start([...words, 'chat:app'])
  assert.equal((await new Visitor(server.url).get('/')).text, mode)
  stage.check(`async mode ${mode}`)
  for (const transports of ['polling', 'websocket', 'polling+websocket']) {
    const said = await socketio(stage, server.url, transports, 'said', '/', '')
    const heard = [...Array(2)].map(() => ['said', 'green'])
    assert.deepEqual(said, { transport: transports.split('+').at(-1), heard })
    stage.check(`room by ${transports}`)
  }
  await stage.stop()
}

/** `socketio_client.py`; what it prints. */
export async function socketio(stage: Stage, url: string, ...words: readonly string[]): Promise<unknown> {
  const client = join(import.meta.dirname, 'socketio_client.py')
  return JSON.parse(await stage.run([stage.python, client, url, ...words]))
}

async function echo(stage: Stage, words: readonly string[]): Promise<void> {
  stage.save('chat.py', FLASK_SOCK)
  const server = await stage.start([...words, 'chat:app'])
  await new Visitor(server.url).get('/')
  stage.check('page')
  const sockets = await Promise.all(
    [...Array(20)].map(async () => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/echo`)
      await once(socket, 'open')
      return socket
    }),
  )
  await Promise.all(
    sockets.map(async (socket, i) => {
      for (const message of [`text ${i}`, Buffer.alloc(100_000, i)]) {
        const answer = once(socket, 'message')
        socket.send(message)
        assert.deepEqual((await answer)[0], Buffer.from(message))
      }
      const closed = once(socket, 'close')
      socket.send('close')
      assert.equal((await closed)[0], 1000)
    }),
  )
  stage.check('20 WebSockets: text, 100 KB, close')
  await stage.stop()
}

const costs = '50 MB'

export const SOCKETS: readonly Application[] = [
  {
    name: 'flask-socketio',
    title: 'Flask-SocketIO with threads',
    packages: 'sockets',
    costs,
    visit: stage => chat(stage, FLASK_SOCKETIO, THREADS, 'threading'),
  },
  {
    name: 'flask-socketio-gevent',
    title: 'Flask-SocketIO with gevent',
    packages: 'sockets-gevent',
    costs,
    visit: stage => chat(stage, FLASK_SOCKETIO, GEVENT, 'gevent'),
  },
  {
    name: 'python-socketio',
    title: 'python-socketio with threads',
    packages: 'sockets',
    costs,
    visit: stage => chat(stage, PYTHON_SOCKETIO, THREADS, 'threading'),
  },
  {
    name: 'python-socketio-gevent',
    title: 'python-socketio with gevent',
    packages: 'sockets-gevent',
    costs,
    visit: stage => chat(stage, PYTHON_SOCKETIO, GEVENT, 'gevent'),
  },
  {
    name: 'flask-sock',
    title: 'flask-sock with threads',
    packages: 'sockets',
    costs,
    visit: stage => echo(stage, THREADS),
  },
  {
    name: 'flask-sock-gevent',
    title: 'flask-sock with gevent',
    packages: 'sockets-gevent',
    costs,
    visit: stage => echo(stage, GEVENT),
  },
]
