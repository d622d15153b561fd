from django import forms

from .models import Parcel, Traveller


class TravellerForm(forms.ModelForm):
    class Meta:
        model = Traveller
        fields = ["name", "message"]
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "Your name", "autocomplete": "nickname"}),
            "message": forms.TextInput(attrs={"placeholder": "How was the road?", "autocomplete": "off"}),
        }


class ParcelForm(forms.ModelForm):
    class Meta:
        model = Parcel
        fields = ["content"]
        labels = {"content": "File"}
