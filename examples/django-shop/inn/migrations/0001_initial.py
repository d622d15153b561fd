
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Parcel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(editable=False, max_length=200)),
                ('content', models.FileField(max_length=300, upload_to='parcels/')),
                ('size', models.PositiveBigIntegerField(editable=False)),
                ('arrived', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-arrived', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Traveller',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('message', models.CharField(max_length=240)),
                ('arrived', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-arrived', '-id'],
            },
        ),
    ]
