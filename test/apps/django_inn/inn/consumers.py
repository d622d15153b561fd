from channels.generic.websocket import AsyncJsonWebsocketConsumer

#: Close codes of the application's own.
FULL = 4003
ASKED = 4004


class Room(AsyncJsonWebsocketConsumer):
    """Everybody in a room hears what is said there."""

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = ""
        if self.room == "closed":
            await self.close()
            return
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept("chat" if "chat" in self.scope["subprotocols"] else None)
        if self.room == "full":
            await self.close(FULL)

    async def receive_json(self, content):
        if "join" in content:
            self.name = content["join"]
            await self.tell({"kind": "joins", "name": self.name})
        elif content.get("say") == "/leave":
            await self.close(ASKED, "as you asked")
        else:
            await self.tell({"kind": "says", "name": self.name, "text": content["say"]})

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room, self.channel_name)
        if self.name:
            await self.tell({"kind": "leaves", "name": self.name})
            print("%s left with %s" % (self.name, code), flush=True)

    async def tell(self, message):
        await self.channel_layer.group_send(self.room, {"type": "room.message", "message": message})

    async def room_message(self, event):
        await self.send_json(event["message"])
