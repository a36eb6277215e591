from django.http import JsonResponse
from django.urls import path

from shop.models import Order


def orders(request):
    if request.method == "POST":
        Order.objects.create(item=request.POST["item"])
    return JsonResponse({"orders": list(Order.objects.values_list("item", flat=True))})


urlpatterns = [path("orders/", orders)]
